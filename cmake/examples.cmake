# SPDX-License-Identifier: MIT

# The programs under docs/examples: the demo, which `./run demo` builds and runs, and, with the
# tests, the C++ twins of the seeds.

file(GLOB word_count CONFIGURE_DEPENDS docs/examples/word_count/*.cpp)
list(FILTER word_count EXCLUDE REGEX "/main\\.cpp$")
add_library(agora_word_count STATIC EXCLUDE_FROM_ALL ${word_count})
target_include_directories(agora_word_count PUBLIC ${CMAKE_SOURCE_DIR})
target_link_libraries(agora_word_count PUBLIC agora_client)
add_executable(agora_demo docs/examples/word_count/main.cpp)
target_link_libraries(agora_demo PRIVATE agora_word_count)
add_dependencies(agora_demo agorad)

# A class of one's own as a plugin: agorad --plugin build/release/lib/account.so
add_library(account MODULE EXCLUDE_FROM_ALL docs/examples/user_type/plugin.cpp)
set_target_properties(account PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY
                      ${CMAKE_ARCHIVE_OUTPUT_DIRECTORY})
target_link_libraries(account PRIVATE agora_core)

if(AGORA_TESTS)
  set_target_properties(account PROPERTIES EXCLUDE_FROM_ALL OFF)
  set(examples_server "AGORA_SERVER=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/agorad")
  set(examples_tests ${CMAKE_SOURCE_DIR}/tests/docs)
  find_program(examples_python python3 REQUIRED)

  file(GLOB examples_sources CONFIGURE_DEPENDS tests/docs/examples_*_test.cpp)
  add_executable(examples_unit ${examples_sources})
  target_link_libraries(examples_unit PRIVATE agora_word_count test_main rapidcheck)
  add_test(NAME examples_unit COMMAND examples_unit)
  set_tests_properties(examples_unit PROPERTIES TIMEOUT 120)

  add_test(NAME examples_demo COMMAND sh ${examples_tests}/examples_demo.sh $<TARGET_FILE:agora_demo>)
  set_tests_properties(examples_demo PROPERTIES TIMEOUT 240)

  # In these the order of what they print is open: the elements are compared in sorted order.
  set(seeds_in_any_order manager_dict worker_names_list manager_dict_list set_update)
  add_custom_target(seeds)
  file(GLOB seeds_sources CONFIGURE_DEPENDS docs/examples/seeds/*.cpp)
  foreach(source ${seeds_sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(seed_${name} ${source})
    agora_program(seed_${name})
    add_dependencies(seeds seed_${name})
    set(order exact)
    if(name IN_LIST seeds_in_any_order)
      set(order any_order)
    endif()
    add_test(NAME seed_${name} COMMAND ${examples_python} ${examples_tests}/examples_seed.py ${order}
             $<TARGET_FILE:seed_${name}> ${CMAKE_SOURCE_DIR}/docs/examples/seeds/expected/${name})
    set_tests_properties(seed_${name} PROPERTIES TIMEOUT 120 ENVIRONMENT ${examples_server})
  endforeach()
  add_dependencies(seeds agorad)
endif()
