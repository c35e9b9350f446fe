/* What the file system alone takes of a job over small objects: PROCESSES bare processes that read
 * every file of IN, and, where there is an OUT, give each an output there, whole or not at all: an
 * unnamed file that is linked to its name. Says the objects and the wall's microseconds. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void need(int ok, const char *what) {
    if (ok) return;
    perror(what);
    exit(1);
}

static void work(int in, int out, char **names, int first, int end) {
    static const char text[] = "{\"predictions\": 7}";
    char buffer[4096], name[300];
    for (int i = first; i < end; i++) {
        int file = openat(in, names[i], O_RDONLY | O_CLOEXEC);
        need(file >= 0 && read(file, buffer, sizeof buffer) > 0, names[i]);
        close(file);
        if (out < 0) continue;
        snprintf(name, sizeof name, "%s.out", names[i]);
        file = openat(out, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
        need(file >= 0 && write(file, text, sizeof text - 1) > 0, "an unnamed file");
        need(linkat(file, "", out, name, AT_EMPTY_PATH) == 0, name);
        close(file);
    }
}

static int order(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

int main(int argc, char **argv) {
    if (argc < 3 || atoi(argv[1]) < 1) return fprintf(stderr, "usage: floor PROCESSES IN [OUT]\n"), 2;
    int processes = atoi(argv[1]), n = 0, status;
    char **names = NULL;
    DIR *folder = opendir(argv[2]);
    need(folder != NULL, argv[2]);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        if (n % 1024 == 0) need((names = realloc(names, (n + 1024) * sizeof *names)) != NULL, "memory");
        names[n++] = strdup(entry->d_name);
    }
    qsort(names, n, sizeof *names, order);
    int out = -1;
    if (argc > 3) {
        need(mkdir(argv[3], 0777) == 0, argv[3]);
        need((out = open(argv[3], O_PATH | O_DIRECTORY)) >= 0, argv[3]);
    }
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < processes; i++) {
        if (fork()) continue;
        work(dirfd(folder), out, names, (long)n * i / processes, (long)n * (i + 1) / processes);
        return 0;
    }
    while (wait(&status) > 0) if (status) return 1;
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%d %.0f\n", n, (end.tv_sec - start.tv_sec) * 1e6 + (end.tv_nsec - start.tv_nsec) / 1e3);
}
