import AsyncHTTPClient
import LinuxKernel
import NIOCore
import NIOPosix
import NIOSSL

/// A request that got no answer.
struct TransportFailure: Error {
    /// Why, as a clause.
    let sentence: String
    /// Trying again would give the same.
    let isFinal: Bool
    /// The connection could not be encrypted: the other side may not know how.
    var isTLS = false
    /// Nobody listens there.
    var isRefused = false

    init(sentence: String, address: WebAddress, isFinal: Bool = false) {
        self.sentence = "\(address.authority): \(sentence)"
        self.isFinal = isFinal
    }

    init(_ error: any Error, address: WebAddress) {
        if let failure = error as? TransportFailure {
            self = failure
            return
        }
        var final = false
        let text: String
        switch error {
        case let error as NIOConnectionError:
            let first = error.connectionErrors.first?.error
            if let code = (first as? IOError)?.errnoCode {
                text = "\(Errno(rawValue: code))"
                isRefused = code == Errno.connectionRefused.rawValue
            } else if error.connectionErrors.isEmpty {
                text = "its name cannot be resolved"
            } else {
                text = "it cannot be connected to"
            }
        case let error as IOError: text = "\(Errno(rawValue: error.errnoCode))"
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout: text = "it cannot be connected to: no answer within 20 seconds"
            case .deadlineExceeded, .readTimeout, .getConnectionFromPoolTimeout: text = "it did not answer in time"
            case .remoteConnectionClosed: text = "it closed the connection"
            case .tlsHandshakeTimeout: text = "the encryption was not agreed on in time"
            case .proxyAuthenticationRequired: text = "the proxy wants credentials; put them into its address"
            case .invalidProxyResponse: text = "the proxy did not connect to it"
            default: text = "\(error.description.replacing("HTTPClientError.", with: "")): no proper answer"
            }
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            (text, final) = Self.tls("\(error)")
            isTLS = true
        case let error as Errno: text = "\(error)"
        default:
            let description = "\(error)"
            if description.contains("HTTPParser") || description.contains("HPE_") {
                text = "what it answers is not HTTP (\(description))"
                isTLS = true
            } else {
                text = description
            }
        }
        sentence = "\(address.authority): \(text)"
        isFinal = final
    }

    private static func tls(_ description: String) -> (String, Bool) {
        if description.contains("CERTIFICATE_VERIFY_FAILED") || description.contains("unableToValidateCertificate") {
            return (
                "its certificate cannot be verified (put its authority's certificate into certs.d, or name the registry"
                    + " insecure: docs/registries.md)", true
            )
        }
        if description.contains("WRONG_VERSION_NUMBER") || description.contains("HTTP_REQUEST") {
            return ("it answers without encryption (name the registry insecure: docs/registries.md)", true)
        }
        if description.contains("failedToValidateHostname") {
            return ("its certificate is another host's", true)
        }
        return ("the encryption failed: \(description)", false)
    }
}
