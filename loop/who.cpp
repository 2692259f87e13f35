#include "loop/commands.hpp"

namespace loop {

int who(std::uint16_t) { throw WrongUse{"not built yet"}; }

} // namespace loop
