package main

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/makegood/makegood/remediator/rehearse"
)

// The elements of the form in which CI systems read test results.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes a suite for each file of tests, in their order.
func writeJUnit(w io.Writer, ran *rehearse.Tests) error {
	all := junitSuites{}
	for _, t := range ran.Tests {
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != t.File {
			all.Suites = append(all.Suites, junitSuite{Name: t.File})
		}
		suite := &all.Suites[len(all.Suites)-1]
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
	body, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write test results: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, body)
	return err
}
