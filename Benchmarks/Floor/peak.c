// peak: runs a command and prints the peak resident size, in KiB, of it and its children. Linux counts what a process had
// before execve too, so whoever starts the command must be small itself: an interpreter would measure its own size.
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    pid_t child = fork();
    if (child < 0) return 2;
    if (child == 0) {
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) < 0 || status != 0) return 1;
    printf("%ld\n", usage.ru_maxrss);
    return 0;
}
