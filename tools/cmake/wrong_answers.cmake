# cmake -D MODEL=FILE -D DIRECTORY=FOLDER -D RESULT=FILE -D PATCH=COMMAND -P wrong_answers.cmake: applies each difference of the folder to the model
# answer, and writes all the wrong answers as one source, so that the compiler reads the headers and makes the templates once.
# Each is in a namespace of its own; the program does what the one does by whose name it is called. A difference that does not fit
# the model any more becomes a program that says so.
file(GLOB differences ${DIRECTORY}/*.diff)
set(headers)
set(answers)
set(table)
foreach(difference IN LISTS differences)
  cmake_path(GET difference STEM name)
  execute_process(COMMAND ${PATCH} --silent --force --reject-file=- --output=${RESULT}.${name} ${MODEL} ${difference}
    RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(failed)
    set(text "#include <cstdio>\nint main() {\n    std::puts(R\"(${difference} does not fit ${MODEL} any more: ${said})\");\n    return 2;\n}\n")
  else()
    file(READ ${RESULT}.${name} text)
  endif()
  file(REMOVE ${RESULT}.${name} ${RESULT}.${name}.orig)
  string(REGEX MATCHALL "#include [<\"][^>\"]*[>\"]" included "${text}")
  list(APPEND headers ${included})
  string(REGEX REPLACE "(^|\n)#include [^\n]*" "\\1" text "${text}")
  # Only the one true main() may end without a return.
  string(REGEX REPLACE "(\nint main[(][^\n]*[{])[}]" "\\1\n}" text "\n${text}")
  string(FIND "${text}" "\nint main(" start) # each has one
  string(SUBSTRING "${text}" 0 ${start} before)
  string(SUBSTRING "${text}" ${start} -1 main)
  string(FIND "${main}" "\n}" end)
  if(end GREATER 0)
    string(SUBSTRING "${main}" ${end} -1 after)
    string(SUBSTRING "${main}" 0 ${end} main)
    set(text "${before}${main}\n    return 0;${after}")
  endif()
  string(APPEND answers "namespace ${name} {\n#line 1 \"${name}\"${text}} // namespace ${name}\n\n")
  string(APPEND table "    {\"${name}\", run<${name}::main>},\n")
endforeach()
list(REMOVE_DUPLICATES headers)
list(JOIN headers "\n" headers)
file(WRITE ${RESULT} "${headers}
#include <cstring>
#include <string_view>

namespace wrong {

${answers}template <int (*program)()>
int run(int, char**) {
    return program();
}
template <int (*program)(int, char**)>
int run(int count, char** arguments) {
    return program(count, arguments);
}

struct {
    std::string_view name;
    int (*run)(int, char**);
} const all[] = {
${table}};

} // namespace wrong

#line 1 \"wrong answers\"
int main(int count, char** arguments) {
    const char* const slash = std::strrchr(arguments[0], '/');
    const std::string_view name = slash ? slash + 1 : arguments[0];
    for (const auto& [known, run] : wrong::all)
        if (known == name)
            return run(count, arguments);
    return 2;
}
")
