package document

// docsURL is the page that says of each code what it means.
const docsURL = "https://github.com/makegood/makegood/blob/main/docs/checks.md"

// DocsURL returns where a code is explained; for no code the page itself.
func DocsURL(code string) string {
	if code == "" {
		return docsURL
	}
	return docsURL + "#" + code
}
