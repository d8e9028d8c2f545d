//go:build race

package makegood_test

const raceDetector = true
