# Writes a .cpp that holds docs/openapi.json as text: cmake -DIN=openapi.json -DOUT=openapi.cpp -P embed.cmake
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
file(WRITE "${OUT}" "// Generated from docs/openapi.json.\n#include \"daemon/api/openapi.h\"\nnamespace redflag::daemon::api {\n"
  "std::string openapi_json() {\n  return ${pieces};\n}\n}\n")
