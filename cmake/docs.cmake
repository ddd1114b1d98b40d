# SPDX-License-Identifier: MIT

# The documentation is compiled and run: every C++ program of the pages becomes a test,
# and every telnet session is typed into a server.

set(docs_programs_dir ${CMAKE_BINARY_DIR}/docs_programs)
set(docs_snippets ${CMAKE_SOURCE_DIR}/tests/docs/snippets.py)
set(docs_consoles ${CMAKE_SOURCE_DIR}/tests/docs/consoles.py)
file(GLOB_RECURSE docs_pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/*.md)
list(APPEND docs_pages ${CMAKE_SOURCE_DIR}/README.md)
# A changed page configures anew; unchanged programs keep their time stamps and are not compiled.
set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
             ${docs_pages} ${docs_snippets})

find_program(DOCS_PYTHON python3 REQUIRED)
execute_process(COMMAND ${DOCS_PYTHON} ${docs_snippets} --write ${docs_programs_dir}
                OUTPUT_VARIABLE docs_programs OUTPUT_STRIP_TRAILING_WHITESPACE
                COMMAND_ERROR_IS_FATAL ANY)

add_custom_target(docs_programs)
foreach(name ${docs_programs})
  add_executable(page_${name} ${docs_programs_dir}/${name}.cpp)
  agora_program(page_${name})
  target_compile_options(page_${name} PRIVATE -UNDEBUG)  # their assertions are the test
  add_dependencies(docs_programs page_${name})
  add_test(NAME page_${name} COMMAND page_${name})
  set_tests_properties(page_${name} PROPERTIES TIMEOUT 120
                       ENVIRONMENT "AGORA_SERVER=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/agorad")
endforeach()

add_test(NAME docs_snippets COMMAND ${DOCS_PYTHON} ${docs_snippets} --check)
add_test(NAME docs_consoles COMMAND ${DOCS_PYTHON} ${docs_consoles} $<TARGET_FILE:agorad>)
set_tests_properties(docs_consoles PROPERTIES TIMEOUT 300)
add_test(NAME docs_scripts COMMAND ${DOCS_PYTHON} -m unittest discover -s
         ${CMAKE_SOURCE_DIR}/tests/docs -p "*_test.py")
set_tests_properties(docs_scripts PROPERTIES
                     ENVIRONMENT "AGORA_SERVER=$<TARGET_FILE:agorad>;PYTHONDONTWRITEBYTECODE=1")
# The pictures and the table of docs/speed are those of the figures beside them.
add_test(NAME docs_speed COMMAND ${DOCS_PYTHON} -B ${CMAKE_SOURCE_DIR}/tests/bench/picture.py --check
         ${CMAKE_SOURCE_DIR}/docs/speed)
