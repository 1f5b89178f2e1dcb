#include "tests/store/fault_vfs.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <stdexcept>
#include <vector>

#include <sqlite3.h>
#include <unistd.h>

#include "tests/support/temp_dir.h"

namespace redflag::test {
namespace {

struct Change {
  sqlite3_int64 offset = 0;
  std::string bytes;
  bool truncates = false;  // to `offset`
};

/// A file as the disk has it, and what was asked of it since.
struct Unsynced {
  std::string synced;
  bool existed = false;
  std::vector<Change> changes;
};

FaultVfs* g_disk = nullptr;
bool g_tracking = false;
std::map<std::string, Unsynced> g_unsynced;

struct FaultFile {
  sqlite3_file base;
  std::string* path;
  sqlite3_file* real;  // lies behind this one
};

FaultFile* own(sqlite3_file* file) {
  return reinterpret_cast<FaultFile*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return own(file)->real;
}

int refuse(int code) {
  ++g_disk->refusals;
  return code;
}

bool count_write() {
  ++g_disk->writes;
  if (g_disk->power_cut_at != 0 && g_disk->writes >= g_disk->power_cut_at) g_disk->fault = DiskFault::dead;
  return g_disk->fault != DiskFault::dead;
}

void remember(const std::string& path, Change change) {
  if (const auto found = g_unsynced.find(path); found != g_unsynced.end())
    found->second.changes.push_back(std::move(change));
}

void track(const std::string& path) {
  if (!g_tracking || g_unsynced.contains(path)) return;
  g_unsynced[path] = {read_file(path), true, {}};
}

int file_close(sqlite3_file* file) {
  const int code = real(file)->pMethods->xClose(real(file));
  delete own(file)->path;
  return code;
}

int file_read(sqlite3_file* file, void* to, int amount, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), to, amount, offset);
}

int file_write(sqlite3_file* file, const void* from, int amount, sqlite3_int64 offset) {
  if (!count_write() || g_disk->fault == DiskFault::write_error) return refuse(SQLITE_IOERR_WRITE);
  if (g_disk->fault == DiskFault::damaged) return refuse(SQLITE_CORRUPT);
  if (g_disk->fault == DiskFault::full) {
    sqlite3_int64 size = 0;
    (void)real(file)->pMethods->xFileSize(real(file), &size);
    const sqlite3_int64 growth = offset + amount - size;
    if (growth > 0) {
      const bool reserved = g_disk->reserve.empty() || std::filesystem::is_regular_file(g_disk->reserve);
      if (reserved || growth > g_disk->spare_bytes) return refuse(SQLITE_FULL);
      g_disk->spare_bytes -= growth;
    }
  }
  const int code = real(file)->pMethods->xWrite(real(file), from, amount, offset);
  if (code == SQLITE_OK)
    remember(*own(file)->path,
             {offset, std::string(static_cast<const char*>(from), static_cast<std::size_t>(amount)), false});
  return code;
}

int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (!count_write() || g_disk->fault == DiskFault::write_error) return refuse(SQLITE_IOERR_TRUNCATE);
  const int code = real(file)->pMethods->xTruncate(real(file), size);
  if (code == SQLITE_OK) remember(*own(file)->path, {size, {}, true});
  return code;
}

int file_sync(sqlite3_file* file, int flags) {
  ++g_disk->syncs;
  if (g_disk->fault == DiskFault::dead || g_disk->fault == DiskFault::sync_error)
    return refuse(SQLITE_IOERR_FSYNC);
  const int code = real(file)->pMethods->xSync(real(file), flags);
  const std::string& path = *own(file)->path;
  if (code == SQLITE_OK && g_unsynced.contains(path)) g_unsynced[path] = {read_file(path), true, {}};
  return code;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int file_lock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int file_unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int file_reserved(sqlite3_file* file, int* out) {
  return real(file)->pMethods->xCheckReservedLock(real(file), out);
}
int file_control(sqlite3_file* file, int op, void* arg) {
  // The file must not grow behind our back.
  if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE) return SQLITE_OK;
  return real(file)->pMethods->xFileControl(real(file), op, arg);
}
int file_sector(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}
int file_characteristics(sqlite3_file*) {
  return 0;  // promises nothing: no atomic write, no safe append, no power-safe overwrite
}
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}
int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}
void shm_barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}
int shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

const sqlite3_io_methods kMethods{2,
                                  file_close,
                                  file_read,
                                  file_write,
                                  file_truncate,
                                  file_sync,
                                  file_size,
                                  file_lock,
                                  file_unlock,
                                  file_reserved,
                                  file_control,
                                  file_sector,
                                  file_characteristics,
                                  shm_map,
                                  shm_lock,
                                  shm_barrier,
                                  shm_unmap,
                                  nullptr,
                                  nullptr};

sqlite3_vfs* behind(sqlite3_vfs* vfs) {
  return static_cast<sqlite3_vfs*>(vfs->pAppData);
}

int vfs_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
  FaultFile* fresh = own(file);
  fresh->base.pMethods = nullptr;
  if (g_disk->fault == DiskFault::dead) return refuse(SQLITE_CANTOPEN);
  if (g_disk->fault == DiskFault::damaged && (flags & SQLITE_OPEN_MAIN_DB) != 0)
    g_disk->fault = DiskFault::none;
  fresh->real = reinterpret_cast<sqlite3_file*>(fresh + 1);
  const int code = behind(vfs)->xOpen(behind(vfs), name, fresh->real, flags, out);
  if (code != SQLITE_OK) return code;
  fresh->path = new std::string(name != nullptr ? name : "");
  fresh->base.pMethods = &kMethods;
  if (name != nullptr) track(*fresh->path);
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* vfs, const char* name, int sync) {
  if (g_disk->fault == DiskFault::dead) return refuse(SQLITE_IOERR_DELETE);
  g_unsynced.erase(name);
  return behind(vfs)->xDelete(behind(vfs), name, sync);
}

sqlite3_vfs* g_vfs = nullptr;

}  // namespace

FaultVfs::FaultVfs() {
  if (g_disk != nullptr) throw std::logic_error("one disk at a time");
  g_disk = this;
  sqlite3_vfs* unix_vfs = sqlite3_vfs_find("unix");
  g_vfs = new sqlite3_vfs(*unix_vfs);
  g_vfs->zName = "redflag-fault";
  g_vfs->pNext = nullptr;
  g_vfs->pAppData = unix_vfs;
  g_vfs->szOsFile = static_cast<int>(sizeof(FaultFile)) + unix_vfs->szOsFile;
  g_vfs->xOpen = vfs_open;
  g_vfs->xDelete = vfs_delete;
  if (sqlite3_vfs_register(g_vfs, 1) != SQLITE_OK) throw std::runtime_error("the VFS was not taken");
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(g_vfs);
  delete g_vfs;
  g_vfs = nullptr;
  g_disk = nullptr;
  g_tracking = false;
  g_unsynced.clear();
}

void FaultVfs::track_unsynced() {
  g_tracking = true;
}

void FaultVfs::power_cut(std::mt19937_64& random) {
  for (auto& [path, file] : g_unsynced) {
    std::string bytes = file.synced;
    const auto apply = [&](const Change& change, std::size_t length) {
      const auto offset = static_cast<std::size_t>(change.offset);
      if (change.truncates) {
        bytes.resize(std::min(bytes.size(), offset));
        return;
      }
      if (bytes.size() < offset + length) bytes.resize(offset + length, '\0');
      std::memcpy(bytes.data() + offset, change.bytes.data(), length);
    };
    for (const Change& change : file.changes) {
      switch (random() % 3) {
        case 0:
          break;  // lost
        case 1:
          apply(change, change.bytes.size());
          break;
        default:  // torn at a sector's border
          apply(change, change.bytes.size() / 1024 * 512);
          break;
      }
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    if (path.ends_with("-wal")) ::unlink((path.substr(0, path.size() - 3) + "shm").c_str());
  }
  g_unsynced.clear();
  fault = DiskFault::none;
  power_cut_at = 0;
}

}  // namespace redflag::test
