package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"

	"github.com/makegood/makegood/remediator/rule/document"
)

// The parts of SARIF 2.1.0 that are used here, by the names of its standard.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool sarifTool `json:"tool"`
		// ColumnKind says that columns count characters, as they do in problems.
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string `json:"id"`
		HelpURI string `json:"helpUri"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPlace `json:"physicalLocation"`
	}
	sarifPlace struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
)

// WriteSARIF writes problems as one SARIF 2.1.0 log with one run. version is that
// of the program; it may be empty. A problem of no file stands in line 1 of what was
// checked: code scanning refuses a log in which a result has no place.
func WriteSARIF(w io.Writer, version, checked string, problems document.Problems) error {
	driver := sarifDriver{Name: "makegood", Version: version, InformationURI: document.DocsURL(""), Rules: []sarifRule{}}
	results := make([]sarifResult, 0, len(problems))
	for _, p := range problems {
		index := slices.IndexFunc(driver.Rules, func(r sarifRule) bool { return r.ID == p.Code })
		if index < 0 {
			index = len(driver.Rules)
			driver.Rules = append(driver.Rules, sarifRule{ID: p.Code, HelpURI: document.DocsURL(p.Code)})
		}
		at := sarifPlace{sarifArtifact{fileURI(cmp.Or(p.File, checked))}, sarifRegion{max(p.Line, 1), max(p.Col, 1)}}
		results = append(results, sarifResult{RuleID: p.Code, RuleIndex: index, Level: string(p.Severity), Message: sarifText{advice(p)}, Locations: []sarifLocation{{at}}})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{{Tool: sarifTool{driver}, ColumnKind: "unicodeCodePoints", Results: results}},
	})
	if err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	return nil
}

// fileURI writes a slash-separated path as a URI: one below the current folder is
// relative, so that whoever shows it finds it in the repository.
func fileURI(name string) string {
	if path.IsAbs(name) {
		return (&url.URL{Scheme: "file", Path: name}).String()
	}
	return (&url.URL{Path: name}).String()
}

// advice is what is wrong and how to repair it, for programs that show one text.
func advice(p document.Problem) string {
	if p.Hint == "" {
		return p.Message
	}
	return p.Message + "\n" + p.Hint
}
