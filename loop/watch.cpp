#include "loop/commands.hpp"

namespace loop {

int watch(const Catalogue&, bool) { throw WrongUse{"not built yet"}; }

} // namespace loop
