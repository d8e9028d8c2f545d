package main

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
)

// The elements of the form in which CI systems read test results.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Failure *junitFailure `xml:"failure"`
		Error   *junitFailure `xml:"error"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// suite returns the suite of a file, which is a new one unless it is there.
func (all *junitSuites) suite(file string) *junitSuite {
	i := slices.IndexFunc(all.Suites, func(s junitSuite) bool { return s.Name == file })
	if i < 0 {
		i, all.Suites = len(all.Suites), append(all.Suites, junitSuite{Name: file})
	}
	return &all.Suites[i]
}

// unread adds what is wrong with files and no test: a case for each file, since whoever
// sees only those of the tests that ran takes the others for passed.
func (all *junitSuites) unread(problems rule.Problems) {
	for _, problem := range problems {
		if problem.Severity != document.Error {
			continue
		}
		suite := all.suite(cmp.Or(problem.File, "files"))
		if n := len(suite.Cases); n > 0 && suite.Cases[n-1].Error != nil {
			suite.Cases[n-1].Error.Text += problem.String() + "\n"
			continue
		}
		name, text := "the file can be read", problem.String()+"\n"
		if problem.File == "" {
			name, text = "tests are found", problem.Message
		}
		suite.Cases = append(suite.Cases, junitCase{Name: name, Class: suite.Name, File: problem.File, Line: problem.Line,
			Error: &junitFailure{Message: problem.Message, Text: text}})
		suite.Tests++
		suite.Errors++
		all.Tests++
		all.Errors++
	}
}

// writeJUnit writes a suite for each file of tests, in their order, and for each file that
// could not be read.
func writeJUnit(w io.Writer, ran *rehearse.Tests) error {
	all := junitSuites{}
	for _, t := range ran.Tests {
		suite := all.suite(t.File)
		one := junitCase{Name: t.Name, Class: t.File, File: t.File, Line: t.Line}
		if !t.Passed {
			one.Failure = &junitFailure{Message: "the test, or its file, has mistakes", Text: failureOf(t)}
			if len(t.Problems) > 0 {
				one.Failure.Message = t.Problems[0].Message
			}
			suite.Failures++
			all.Failures++
		}
		suite.Tests++
		all.Tests++
		suite.Cases = append(suite.Cases, one)
	}
	all.unread(ofFiles(ran))
	body, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write test results: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, body)
	return err
}
