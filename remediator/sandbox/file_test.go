package sandbox_test

import (
	"os"
	"testing"
)

// tearLastLine leaves in a file what a write leaves that was cut off.
func tearLastLine(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"refund":{"id":"re_torn","amou`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
