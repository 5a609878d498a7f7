# How every target of the project is compiled, and the two ways to declare one.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(bedplate_flags INTERFACE)
target_include_directories(bedplate_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(bedplate_flags INTERFACE _GNU_SOURCE
                           BEDPLATE_VERSION="${PROJECT_VERSION}")
target_compile_options(
  bedplate_flags
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
            -Woverloaded-virtual -Wimplicit-fallthrough -fstack-protector-strong
            -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
if(BEDPLATE_WERROR)
  target_compile_options(bedplate_flags INTERFACE -Werror)
endif()
if(BEDPLATE_SANITIZE)
  target_compile_options(bedplate_flags INTERFACE -fsanitize=${BEDPLATE_SANITIZE}
                                                  -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(bedplate_flags INTERFACE -fsanitize=${BEDPLATE_SANITIZE})
endif()
if(BEDPLATE_FUZZ)
  # Coverage of the libraries is what leads the fuzzer.
  target_compile_options(bedplate_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# bedplate_library(NAME SOURCES ... DEPS ...): a static library bedplate_NAME. Public dependencies.
function(bedplate_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(bedplate_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(bedplate_${name} PUBLIC bedplate_flags ${ARG_DEPS})
endfunction()

# bedplate_test(NAME SOURCES ... DEPS ... [SERIAL PATTERN]): one GoogleTest program; each of its cases is a CTest test. Those
# of the pattern run while no other does, as they measure what a busy machine has not.
function(bedplate_test name)
  cmake_parse_arguments(ARG "" "SERIAL" "SOURCES;DEPS" ${ARGN})
  add_executable(test_${name} ${ARG_SOURCES})
  target_link_libraries(test_${name} PRIVATE bedplate_flags bedplate_testlib ${ARG_DEPS}
                                             GTest::gmock GTest::gtest_main)
  # What is tested is compiled as it is shipped; the cases themselves run once, and compile in half the time.
  target_compile_options(test_${name} PRIVATE -O0 -U_FORTIFY_SOURCE)
  if(BEDPLATE_SANITIZE MATCHES "undefined")
    target_compile_options(test_${name} PRIVATE -fno-sanitize=undefined)
  endif()
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(ARG_SERIAL)
    gtest_discover_tests(test_${name} TEST_PREFIX "unit." DISCOVERY_TIMEOUT 60 TEST_FILTER "${ARG_SERIAL}"
                         TEST_LIST test_${name}_serial PROPERTIES RUN_SERIAL ON)
    set(others TEST_FILTER "-${ARG_SERIAL}")
  endif()
  gtest_discover_tests(test_${name} TEST_PREFIX "unit." DISCOVERY_TIMEOUT 60 ${others})
endfunction()
