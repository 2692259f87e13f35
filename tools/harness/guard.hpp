#pragma once

namespace support {

/// From here on the caller is a grandchild of the process that called, which ends as the grandchild does. Between the
/// two stands a guardian that no terminal's signal reaches: when either of them has ended, in whatever way, SIGKILL
/// included, it kills all that the grandchild has started, in whatever session it is, until nothing is left (prctl(2),
/// PR_SET_CHILD_SUBREAPER). Only one who kills the guardian as well is left with what ran. Linux only.
void leave_nothing_behind();

} // namespace support
