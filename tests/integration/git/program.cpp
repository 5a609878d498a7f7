#include "tests/integration/git/program.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace bedplate::gittest {
namespace {

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

[[noreturn]] void become(const Arguments& arguments, const std::string& folder) {
  if (!folder.empty() && ::chdir(folder.c_str()) != 0) ::_exit(126);
  std::vector<char*> raw;
  for (const auto& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  ::execvp(raw[0], raw.data());
  ::_exit(127);
}

void openAs(const std::string& path, int flags, int number) {
  const int fd = ::open(path.c_str(), flags, 0600);
  if (fd < 0 || ::dup2(fd, number) < 0) ::_exit(125);
}

struct Scratch {
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bedplate-run-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

int waitFor(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

sockaddr_in loopback() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int bindLoopback(int& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback();
  socklen_t size = sizeof address;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot bind to loopback");
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

std::string run(const Arguments& arguments, const std::string& input, const std::string& folder) {
  const Scratch scratch;
  std::ofstream(scratch.path + "/in", std::ios::binary) << input;
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork failed");
  if (pid == 0) {
    openAs(scratch.path + "/in", O_RDONLY, 0);
    openAs(scratch.path + "/out", O_WRONLY | O_CREAT, 1);
    openAs(scratch.path + "/err", O_WRONLY | O_CREAT, 2);
    become(arguments, folder);
  }
  const int status = waitFor(pid);
  if (status != 0) {
    std::string all;
    for (const auto& argument : arguments) all += argument + " ";
    throw std::runtime_error(all + "ended with " + std::to_string(status) + ": " + slurp(scratch.path + "/err"));
  }
  std::string out = slurp(scratch.path + "/out");
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

Background::Background(const Arguments& arguments, std::string log) : log_(std::move(log)) {
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    openAs("/dev/null", O_RDONLY, 0);
    openAs(log_, O_WRONLY | O_CREAT | O_APPEND, 1);
    openAs(log_, O_WRONLY | O_APPEND, 2);
    become(arguments, {});
  }
}

Background::~Background() {
  ::kill(pid_, SIGTERM);
  waitFor(pid_);
}

std::string Background::logged() const { return slurp(log_); }

std::string Background::await(const std::string& beginning) const {
  for (int tries = 0; tries < 3000; ++tries) {
    std::istringstream lines(logged());
    for (std::string line; std::getline(lines, line);)
      if (!lines.eof() && line.starts_with(beginning)) return line.substr(beginning.size());
    if (::kill(pid_, 0) != 0) break;
    ::usleep(20000);
  }
  throw std::runtime_error("'" + beginning + "' never came; the log says: " + logged());
}

int freePort() {
  int port = 0;
  ::close(bindLoopback(port));
  return port;
}

SilentServer::SilentServer() : fd_(bindLoopback(port_)) { ::listen(fd_, 8); }

SilentServer::~SilentServer() { ::close(fd_); }

}  // namespace bedplate::gittest
