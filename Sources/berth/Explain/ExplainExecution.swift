import CommandLine
import Engine
import Explain
import Glibc
import JSON
import LinuxKernel

extension ProgramExecution {
    /// `explain`.
    func explain(_ options: ExplainOptions) throws -> Int32 {
        let explanation: Explanation
        if let pid = options.process {
            explanation = try engine.explainProcess(pid)
        } else {
            explanation = try engine.explain(options.container ?? "")
        }
        let text: String
        if options.isJSON {
            text = explanation.json.text(indent: 4) + "\n"
        } else {
            // https://no-color.org: any value but an empty one.
            let refusesColour = getenv("NO_COLOR").map { $0[0] != 0 } ?? false
            let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? false
            text = ExplanationTree(explanation).node.text(colour: Terminal.isTerminal(1) && !refusesColour && !isDumb)
        }
        // A write that fails is told at the end of the program.
        _ = writeBytes(Array(text.utf8), to: 1)
        return 0
    }
}
