// A disk that forgets what was not synced when the process dies: to be preloaded into redflagd (LD_PRELOAD). What is
// written to the database and its WAL in $REDFLAG_UNSYNCED stays in this process's memory until fsync or fdatasync of
// that file; SIGKILL loses the rest, as a power cut would. Of every hundred writes $REDFLAG_UNSYNCED_LEAK (default 20)
// reach the file at once, some of them only by half: the kernel writes back when it likes, in any order. While the file
// $REDFLAG_UNSYNCED_FULL exists, nothing may grow: the disk is full.
//
// The process itself sees everything it wrote. The WAL's index (-shm) is mapped memory and stays as it is: SQLite builds
// it anew when nobody has the database open. Other processes see what was synced. Dynamic programs only.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { kFiles = 64, kDescriptors = 4096 };

struct range {
  off_t from, to;
};

struct image {
  int used;
  dev_t device;
  ino_t inode;
  char* bytes;
  size_t size, capacity;
  int truncated;  // the file may be longer than `size`
  struct range* dirty;
  size_t dirty_count, dirty_capacity;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct image images[kFiles];
static struct image* by_descriptor[kDescriptors];
static unsigned seed;

#define REAL(type, name, ...)                                              \
  static type (*real_##name)(__VA_ARGS__);                                 \
  if (!real_##name) real_##name = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static ssize_t write_all(int fd, const char* bytes, size_t size, off_t at) {
  REAL(ssize_t, pwrite64, int, const void*, size_t, off_t);
  for (size_t done = 0; done < size;) {
    const ssize_t n = real_pwrite64(fd, bytes + done, size - done, at + (off_t)done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    done += (size_t)n;
  }
  return (ssize_t)size;
}

static int wanted(const char* path) {
  const char* directory = getenv("REDFLAG_UNSYNCED");
  if (!directory || !path || strncmp(path, directory, strlen(directory)) != 0) return 0;
  const size_t length = strlen(path);
  return (length > 3 && strcmp(path + length - 3, ".db") == 0) || (length > 4 && strcmp(path + length - 4, "-wal") == 0);
}

static void ensure(struct image* image, size_t capacity) {
  if (capacity <= image->capacity) return;
  while (image->capacity < capacity) image->capacity = image->capacity ? image->capacity * 2 : 65536;
  image->bytes = realloc(image->bytes, image->capacity);
  if (!image->bytes) abort();
}

static void resize(struct image* image, size_t size) {
  ensure(image, size);
  if (size > image->size) memset(image->bytes + image->size, 0, size - image->size);
  image->size = size;
}

static void attach(int fd, const char* path) {
  REAL(int, fstat64, int, struct stat64*);
  REAL(ssize_t, pread64, int, void*, size_t, off_t);
  struct stat64 info;
  if (fd < 0 || fd >= kDescriptors || !wanted(path) || real_fstat64(fd, &info) != 0 || !S_ISREG(info.st_mode)) return;
  pthread_mutex_lock(&lock);
  if (!seed) seed = (unsigned)time(NULL) ^ (unsigned)getpid();
  struct image* free_one = NULL;
  struct image* found = NULL;
  for (int i = 0; i < kFiles; ++i) {
    if (images[i].used && images[i].device == info.st_dev && images[i].inode == info.st_ino) found = &images[i];
    if (!images[i].used && !free_one) free_one = &images[i];
  }
  if (!found) {
    if (!free_one) abort();
    found = free_one;
    memset(found, 0, sizeof *found);
    found->used = 1;
    found->device = info.st_dev;
    found->inode = info.st_ino;
    resize(found, (size_t)info.st_size);
    for (size_t done = 0; done < found->size;) {
      const ssize_t n = real_pread64(fd, found->bytes + done, found->size - done, (off_t)done);
      if (n <= 0) break;
      done += (size_t)n;
    }
  }
  by_descriptor[fd] = found;
  pthread_mutex_unlock(&lock);
}

static struct image* image_of(int fd) {
  return fd >= 0 && fd < kDescriptors ? by_descriptor[fd] : NULL;
}

int open(const char* path, int flags, ...) {
  REAL(int, open64, const char*, int, ...);
  va_list arguments;
  va_start(arguments, flags);
  const int mode = va_arg(arguments, int);
  va_end(arguments);
  const int fd = real_open64(path, flags, mode);
  attach(fd, path);
  return fd;
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const int mode = va_arg(arguments, int);
  va_end(arguments);
  return open(path, flags, mode);
}

int close(int fd) {
  REAL(int, close, int);
  if (fd >= 0 && fd < kDescriptors) by_descriptor[fd] = NULL;
  return real_close(fd);
}

int unlink(const char* path) {
  REAL(int, unlink, const char*);
  struct stat64 info;
  const int known = wanted(path) && stat64(path, &info) == 0;
  const int done = real_unlink(path);
  if (known && done == 0) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < kFiles; ++i) {
      if (images[i].used && images[i].device == info.st_dev && images[i].inode == info.st_ino) images[i].inode = 0;
    }
    pthread_mutex_unlock(&lock);
  }
  return done;
}

ssize_t pread64(int fd, void* to, size_t size, off_t at) {
  REAL(ssize_t, pread64, int, void*, size_t, off_t);
  struct image* image = image_of(fd);
  if (!image) return real_pread64(fd, to, size, at);
  pthread_mutex_lock(&lock);
  size_t n = (size_t)at >= image->size ? 0 : image->size - (size_t)at;
  if (n > size) n = size;
  if (n) memcpy(to, image->bytes + at, n);
  pthread_mutex_unlock(&lock);
  return (ssize_t)n;
}
ssize_t pread(int fd, void* to, size_t size, off_t at) {
  return pread64(fd, to, size, at);
}

ssize_t pwrite64(int fd, const void* from, size_t size, off_t at) {
  REAL(ssize_t, pwrite64, int, const void*, size_t, off_t);
  struct image* image = image_of(fd);
  if (!image) return real_pwrite64(fd, from, size, at);
  pthread_mutex_lock(&lock);
  const char* full = getenv("REDFLAG_UNSYNCED_FULL");
  if (full && image->size < (size_t)at + size && access(full, F_OK) == 0) {
    pthread_mutex_unlock(&lock);
    errno = ENOSPC;
    return -1;
  }
  if (image->size < (size_t)at + size) resize(image, (size_t)at + size);
  memcpy(image->bytes + at, from, size);
  if (image->dirty_count == image->dirty_capacity) {
    image->dirty_capacity = image->dirty_capacity ? 2 * image->dirty_capacity : 64;
    image->dirty = realloc(image->dirty, image->dirty_capacity * sizeof *image->dirty);
    if (!image->dirty) abort();
  }
  image->dirty[image->dirty_count++] = (struct range){at, at + (off_t)size};
  const char* leak = getenv("REDFLAG_UNSYNCED_LEAK");
  if ((int)(rand_r(&seed) % 100) < (leak ? atoi(leak) : 20)) {
    (void)write_all(fd, from, rand_r(&seed) % 2 || size < 1024 ? size : size / 1024 * 512, at);
  }
  pthread_mutex_unlock(&lock);
  return (ssize_t)size;
}
ssize_t pwrite(int fd, const void* from, size_t size, off_t at) {
  return pwrite64(fd, from, size, at);
}

int ftruncate64(int fd, off_t size) {
  REAL(int, ftruncate64, int, off_t);
  struct image* image = image_of(fd);
  if (!image) return real_ftruncate64(fd, size);
  pthread_mutex_lock(&lock);
  resize(image, (size_t)size);
  image->truncated = 1;
  pthread_mutex_unlock(&lock);
  return 0;
}
int ftruncate(int fd, off_t size) {
  return ftruncate64(fd, size);
}

int fstat64(int fd, struct stat64* info) {
  REAL(int, fstat64, int, struct stat64*);
  const int done = real_fstat64(fd, info);
  struct image* image = image_of(fd);
  if (done == 0 && image) info->st_size = (off_t)image->size;
  return done;
}
int fstat(int fd, struct stat* info) {
  return fstat64(fd, (struct stat64*)info);
}

// With the lock held: what a kill in the middle leaves is what a power cut in the middle of an fsync leaves.
static int flush(int fd, struct image* image) {
  REAL(int, ftruncate64, int, off_t);
  for (size_t i = 0; i < image->dirty_count; ++i) {
    const off_t to = image->dirty[i].to < (off_t)image->size ? image->dirty[i].to : (off_t)image->size;
    if (to <= image->dirty[i].from) continue;
    if (write_all(fd, image->bytes + image->dirty[i].from, (size_t)(to - image->dirty[i].from), image->dirty[i].from) < 0) return -1;
  }
  image->dirty_count = 0;
  if (image->truncated && real_ftruncate64(fd, (off_t)image->size) != 0) return -1;
  image->truncated = 0;
  return 0;
}

int fdatasync(int fd) {
  REAL(int, fdatasync, int);
  struct image* image = image_of(fd);
  if (!image) return real_fdatasync(fd);
  pthread_mutex_lock(&lock);
  const int done = flush(fd, image);
  pthread_mutex_unlock(&lock);
  return done;
}
int fsync(int fd) {
  REAL(int, fsync, int);
  return image_of(fd) ? fdatasync(fd) : real_fsync(fd);
}

// A program that ends by itself leaves its writes to the kernel, which keeps them.
__attribute__((destructor)) static void end(void) {
  for (int fd = 0; fd < kDescriptors; ++fd) {
    if (by_descriptor[fd]) (void)flush(fd, by_descriptor[fd]);
  }
}
