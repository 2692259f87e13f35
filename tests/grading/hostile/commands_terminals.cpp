// Prints what terminals, browsers, spreadsheets and shells take for commands.
// Attacks: whoever reads the feedback
// Expects: wrong, 0 points
// Seen: it ended with status 1 before that
#include <cstdio>
#include <cstring>
#include <initializer_list>

int main() {
    // Clears the screen, sets the title, writes to the clipboard, turns the text round, rings; C1 control characters in
    // both encodings; overlong and broken UTF-8.
    constexpr char text[] =
        "\033[2J\033]0;portlab-forged\a\033]52;c;cG9ydGxhYg==\a\033P+q\033\\\b\r\a\x9b"
        "2J\xc2\x9b"
        "31m\xe2\x80\xae\xe2\x81\xa6\0\xff\xfe\xc0\xaf\xed\xa0\x80\n"
        "<script>document.title='portlab-forged'</script><img src=x onerror=alert(1)>\n"
        "=HYPERLINK(\"http://192.0.2.1\")\n@SUM(1)\n`touch portlab-forged` $(touch portlab-forged)\n"
        "![](http://192.0.2.1/portlab-forged)\n&#x3c;script>\n";
    for (std::FILE* const stream : {stdout, stderr})
        std::fwrite(text, 1, sizeof text, stream);
    return 1;
}
