// The part of Asio that is not a template, compiled once for every program.
#include <asio/impl/src.hpp>
