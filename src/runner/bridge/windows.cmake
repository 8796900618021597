# Linking on Windows: the DLLs come without import libraries, which are made here of the names that they export.

# Makes an import library of a module definition and links `target` to it.
function(link_definition target name)
  set(library "${CMAKE_CURRENT_BINARY_DIR}/${name}.lib")
  execute_process(COMMAND "${CMAKE_LINKER}" /lib /nologo /machine:x64 "/def:${CMAKE_CURRENT_BINARY_DIR}/${name}.def" "/out:${library}"
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  target_link_libraries(${target} PRIVATE "${library}")
endfunction()

function(link_dlls target)
  foreach(dll IN LISTS ARGN)
    get_filename_component(name "${dll}" NAME)
    execute_process(COMMAND "${CMAKE_LINKER}" /dump /nologo /exports "${dll}" OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
    # A row is: ordinal, hint, address, name.
    string(REGEX MATCHALL "\n +[0-9]+ +[0-9A-F]+ +[0-9A-F]+ +[^ \r\n]+" rows "${listing}")
    list(TRANSFORM rows REPLACE "^.* " "")
    list(JOIN rows "\n" names)
    file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/${name}.def" "LIBRARY ${name}\nEXPORTS\n${names}\n")
    link_definition(${target} "${name}")
  endforeach()
endfunction()

# Node-API is exported by the executable that loads the bridge, whatever its name; see node-host.cpp.
function(link_node_api target)
  set(names "")
  foreach(part js_native_api node_api)
    file(STRINGS "${NODE_API_HEADERS_DIR}/def/${part}.def" lines REGEX "^ *(napi|node_api)_")
    list(APPEND names ${lines})
  endforeach()
  list(JOIN names "\n" names)
  file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/node.exe.def" "LIBRARY node.exe\nEXPORTS\n${names}\n")
  link_definition(${target} node.exe)
  target_link_libraries(${target} PRIVATE delayimp)
  target_link_options(${target} PRIVATE /DELAYLOAD:node.exe)
endfunction()
