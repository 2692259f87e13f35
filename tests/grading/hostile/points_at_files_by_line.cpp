// Says that its lines come from other files, which the compiler opens to show them with its errors.
// Attacks: what must stay secret
// Expects: does not compile, 0 points
#line 1 "@OVERLAY@/tests/exercises/02_bind/hidden_test.cpp"
int wrong_1 = "here";
#line 1 "@ROOT@/solutions/02_bind/any_free_port.cpp"
int wrong_2 = "here";
#line 1 "/etc/passwd"
int wrong_3 = "here";
#line 1 "/proc/self/environ"
int wrong_4 = "here";
