// Asio and Beast are built in separate-compilation mode: their bodies are compiled once, here, so that every
// other file only pays for the declarations. This is the slowest file of the whole build; nothing else
// belongs in it.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
