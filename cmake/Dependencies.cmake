# Everything comes from the distribution: found by pkg-config or by its CMake package, never fetched.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto)
find_package(SQLite3 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tl-expected REQUIRED)

pkg_check_modules(libgit2 REQUIRED IMPORTED_TARGET libgit2>=1.5)
pkg_check_modules(libcurl REQUIRED IMPORTED_TARGET libcurl>=7.76)
pkg_check_modules(libseccomp REQUIRED IMPORTED_TARGET libseccomp>=2.5)
pkg_check_modules(libsystemd REQUIRED IMPORTED_TARGET libsystemd>=249)
pkg_check_modules(inih REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(libnl_route REQUIRED IMPORTED_TARGET libnl-route-3.0)
pkg_check_modules(libnl_nf REQUIRED IMPORTED_TARGET libnl-nf-3.0)

if(BEDPLATE_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
