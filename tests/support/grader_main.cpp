namespace grader {
class Grader;
void judge(Grader& grader);
int grade(int argc, char** argv, void (*judge)(Grader&));
} // namespace grader

int main(int argc, char** argv) { return grader::grade(argc, argv, grader::judge); }
