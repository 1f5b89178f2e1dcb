# Writes a .cpp that holds a rule pack as text: cmake -DIN=step3.yaml -DOUT=step3.cpp -DNAME=step3 -P embed.cmake
# With -DHEADER=a/b.h -DFUNCTION=redflag::x::name any other text, as `std::string_view name()` that the header declares.
# The text is cut into pieces because compilers bound the length of one literal.
file(READ "${IN}" text)
string(LENGTH "${text}" length)
set(pieces "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 4000 piece)
  string(APPEND pieces "R\"redflag(${piece})redflag\"\n")
  math(EXPR at "${at} + 4000")
endwhile()
if(FUNCTION)
  file(WRITE "${OUT}" "// Generated from ${IN}.\n#include \"${HEADER}\"\n"
    "std::string_view ${FUNCTION}() {\n  return ${pieces};\n}\n")
  return()
endif()
file(WRITE "${OUT}" "// Generated from ${NAME}.yaml.\n#include \"rules/packs/packs.h\"\nnamespace redflag {\n"
  "RuleSource ${NAME}_pack() {\n  return {\"${NAME}.yaml\", ${pieces}, \"${NAME}\"};\n}\n}\n")
