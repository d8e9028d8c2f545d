package expression

import "strings"

// Line writes an expression on one line, without its comments, for people who read it
// beside others. It means the same.
func Line(text string) string {
	var line strings.Builder
	space := false
	for i := 0; i < len(text); i++ {
		last, _ := passed(text, i)
		switch {
		case strings.IndexByte(" \t\r\n", text[i]) >= 0 || text[i] == '/' && last > i:
			space = line.Len() > 0
		default:
			if space && text[i] != ')' {
				line.WriteByte(' ')
			}
			line.WriteString(text[i:min(last+1, len(text))])
			space = false
		}
		i = last
	}
	return line.String()
}
