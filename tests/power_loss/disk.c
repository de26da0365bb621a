// A disk that forgets, and that fails: loaded into a process with LD_PRELOAD.
//
// DISK_FOLDER   the folder on that disk.
// DISK_DURABLE  another folder: it gets what a power cut cannot take away. No file is really synchronised.
// DISK_BROKEN   while this file exists, synchronising a file of the folder fails with EIO.
// DISK_CLOCK    a file with 8 bytes, the seconds by which the process's clock is ahead, as a number of this machine.
//
// POSIX promises a file's bytes once the file is synchronised, and a name, its change or its removal once its folder is.
// So each call writes one record, named by the inode and its time of birth (an inode's number is used again):
//
//   file-KEY  the bytes of a file when it was synchronised last
//   dir-KEY   the names in a folder when it was synchronised last, one on each line: f or d, the key, the name
//
// The test puts both together again after the process was killed.

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH = 4096, BLOCK = 1 << 16 };

// A process without its records would pass the test for no reason, so it ends.
static void give_up(const char *what) {
  perror(what);
  abort();
}

static int key_of(int folder, const char *name, char *key, size_t size, int *is_folder) {
  struct statx data;
  if (statx(folder, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &data)) return -1;
  if (!(data.stx_mask & STATX_BTIME)) give_up("the file system does not know when files were made");
  *is_folder = S_ISDIR(data.stx_mode);
  snprintf(key, size, "%llu-%lld-%u", (unsigned long long)data.stx_ino, (long long)data.stx_btime.tv_sec,
           data.stx_btime.tv_nsec);
  return 0;
}

static void write_all(int to, const char *bytes, ssize_t left) {
  while (left > 0) {
    ssize_t done = write(to, bytes, left);
    if (done <= 0) give_up("a record cannot be written");
    bytes += done;
    left -= done;
  }
}

static void record_file(const char *path, int to) {
  static __thread char block[BLOCK];
  int from = open(path, O_RDONLY | O_CLOEXEC);
  if (from < 0) give_up(path);
  ssize_t length;
  while ((length = read(from, block, BLOCK)) > 0) write_all(to, block, length);
  if (length < 0) give_up(path);
  close(from);
}

static void record_folder(const char *path, int to) {
  DIR *folder = opendir(path);
  if (!folder) give_up(path);
  struct dirent *entry;
  while ((entry = readdir(folder))) {
    char key[96], line[PATH];
    int is_folder;
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    // A file that was removed meanwhile was not there.
    if (key_of(dirfd(folder), entry->d_name, key, sizeof key, &is_folder)) continue;
    int length = snprintf(line, sizeof line, "%c %s %s\n", is_folder ? 'd' : 'f', key, entry->d_name);
    write_all(to, line, length);
  }
  closedir(folder);
}

// Returns 0 if the file is in the folder and the disk is broken now.
static int synchronise(int fd) {
  const char *folder = getenv("DISK_FOLDER"), *durable = getenv("DISK_DURABLE"), *broken = getenv("DISK_BROKEN");
  char link[64], path[PATH], key[96], record[PATH], unfinished[PATH];
  int is_folder;
  if (!folder) return 1;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 1;
  path[length] = 0;
  size_t prefix = strlen(folder);
  if (strncmp(path, folder, prefix) || (path[prefix] && path[prefix] != '/')) return 1;
  if (broken && !access(broken, F_OK)) return 0;
  if (!durable) return 1;
  if (key_of(fd, "", key, sizeof key, &is_folder)) give_up(path);
  snprintf(record, sizeof record, "%s/%s-%s", durable, is_folder ? "dir" : "file", key);
  snprintf(unfinished, sizeof unfinished, "%s/unfinished-%d", durable, gettid());
  int to = open(unfinished, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (to < 0) give_up(unfinished);
  if (is_folder) record_folder(path, to);
  else record_file(link, to);
  close(to);
  // The record appears whole, or a kill leaves the one before.
  if (rename(unfinished, record)) give_up(record);
  return 1;
}

static int broken_or_done(int fd) {
  // One at a time: an older record of a folder must not replace a newer one.
  static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&turn);
  int is_done = synchronise(fd);
  pthread_mutex_unlock(&turn);
  if (is_done) return 0;
  errno = EIO;
  return -1;
}

int fsync(int fd) { return broken_or_done(fd); }
int fdatasync(int fd) { return broken_or_done(fd); }

static volatile const long long *ahead;

__attribute__((constructor)) static void find_clock(void) {
  const char *path = getenv("DISK_CLOCK");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) give_up(path);
  ahead = mapped;
  close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  int answer = real(clock, time);
  if (!answer && ahead && clock == CLOCK_REALTIME) time->tv_sec += *ahead;
  return answer;
}
