// A layer above SQLite's own VFS (https://sqlite.org/vfs.html): everything goes through; what changes the disk counts.
#include <sqlite3.h>

#include <cstring>
#include <new>

#include "tests/integration/failpoint/failpoint.h"

namespace bedplate::testlib {
namespace {

struct Layer {
  sqlite3_vfs vfs;
  sqlite3_vfs* below;
  Failpoint* failpoint;
};

// What SQLite allocates for each open file: ours, and behind it that of the VFS below.
struct File {
  sqlite3_file base;
  Failpoint* failpoint;
  sqlite3_file* below() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File& file(sqlite3_file* handle) { return *reinterpret_cast<File*>(handle); }
sqlite3_file* below(sqlite3_file* handle) { return file(handle).below(); }
void count(sqlite3_file* handle) { file(handle).failpoint->step(); }

int close(sqlite3_file* f) { return below(f)->pMethods->xClose(below(f)); }
int read(sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
  return below(f)->pMethods->xRead(below(f), to, size, at);
}
int write(sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
  count(f);
  return below(f)->pMethods->xWrite(below(f), from, size, at);
}
int truncate(sqlite3_file* f, sqlite3_int64 size) {
  count(f);
  return below(f)->pMethods->xTruncate(below(f), size);
}
int sync(sqlite3_file* f, int flags) {
  count(f);
  return below(f)->pMethods->xSync(below(f), flags);
}
int fileSize(sqlite3_file* f, sqlite3_int64* size) { return below(f)->pMethods->xFileSize(below(f), size); }
int lock(sqlite3_file* f, int level) { return below(f)->pMethods->xLock(below(f), level); }
int unlock(sqlite3_file* f, int level) { return below(f)->pMethods->xUnlock(below(f), level); }
int checkReserved(sqlite3_file* f, int* result) { return below(f)->pMethods->xCheckReservedLock(below(f), result); }
int control(sqlite3_file* f, int op, void* arg) { return below(f)->pMethods->xFileControl(below(f), op, arg); }
int sectorSize(sqlite3_file* f) { return below(f)->pMethods->xSectorSize(below(f)); }
int characteristics(sqlite3_file* f) { return below(f)->pMethods->xDeviceCharacteristics(below(f)); }

constexpr sqlite3_io_methods methods() {
  sqlite3_io_methods all{};
  all.iVersion = 1;
  all.xClose = close;
  all.xRead = read;
  all.xWrite = write;
  all.xTruncate = truncate;
  all.xSync = sync;
  all.xFileSize = fileSize;
  all.xLock = lock;
  all.xUnlock = unlock;
  all.xCheckReservedLock = checkReserved;
  all.xFileControl = control;
  all.xSectorSize = sectorSize;
  all.xDeviceCharacteristics = characteristics;
  return all;
}
constexpr sqlite3_io_methods kMethods = methods();

Layer& layer(sqlite3_vfs* vfs) { return *static_cast<Layer*>(vfs->pAppData); }

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* handle, int flags, int* outFlags) {
  Layer& l = layer(vfs);
  File* mine = new (handle) File{};
  mine->failpoint = l.failpoint;
  const int code = l.below->xOpen(l.below, name, mine->below(), flags, outFlags);
  // Without methods SQLite does not close it.
  mine->base.pMethods = mine->below()->pMethods != nullptr ? &kMethods : nullptr;
  return code;
}
int remove(sqlite3_vfs* vfs, const char* name, int syncDirectory) {
  layer(vfs).failpoint->step();
  return layer(vfs).below->xDelete(layer(vfs).below, name, syncDirectory);
}
int access(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
  return layer(vfs).below->xAccess(layer(vfs).below, name, flags, result);
}
int fullPathname(sqlite3_vfs* vfs, const char* name, int size, char* to) {
  return layer(vfs).below->xFullPathname(layer(vfs).below, name, size, to);
}

}  // namespace

bool countDatabase(Failpoint& failpoint) {
  sqlite3_vfs* real = ::sqlite3_vfs_find(nullptr);
  if (real == nullptr) return false;
  // SQLite keeps it until the process ends.
  static Layer layer;
  layer = {*real, real, &failpoint};
  layer.vfs.zName = "failpoint";
  layer.vfs.pNext = nullptr;
  layer.vfs.pAppData = &layer;
  layer.vfs.szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
  layer.vfs.xOpen = open;
  layer.vfs.xDelete = remove;
  layer.vfs.xAccess = access;
  layer.vfs.xFullPathname = fullPathname;
  return ::sqlite3_vfs_register(&layer.vfs, 1) == SQLITE_OK;
}

}  // namespace bedplate::testlib
