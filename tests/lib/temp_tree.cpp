#include "tests/lib/temp_tree.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace bedplate::testlib {
namespace {

std::string makeDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "bedplate-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  return pattern;
}

host::HostFiles openTree(const std::string& path) {
  auto files = host::HostFiles::open(path);
  if (!files) throw std::runtime_error(files.error().text());
  return std::move(files).value();
}

}  // namespace

TempTree::TempTree() : path_(makeDirectory()), files_(openTree(path_)) {}

TempTree::~TempTree() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void TempTree::write(const std::string& path, const std::string& content) {
  const std::filesystem::path full = std::filesystem::path(path_) / path;
  std::filesystem::create_directories(full.parent_path());
  std::ofstream out(full, std::ios::binary | std::ios::trunc);
  out << content;
  if (!out.flush()) throw std::runtime_error("cannot write " + full.string());
}

std::string TempTree::read(const std::string& path) const {
  std::ifstream in(std::filesystem::path(path_) / path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

bool TempTree::exists(const std::string& path) const {
  return std::filesystem::exists(std::filesystem::symlink_status(std::filesystem::path(path_) / path));
}

void TempTree::remove(const std::string& path) { std::filesystem::remove_all(std::filesystem::path(path_) / path); }

}  // namespace bedplate::testlib
