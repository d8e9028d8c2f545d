package api

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"
)

// TestAnswersAreBounded holds that an answer whose place went to others while it was
// waited for is not counted: what is never kept would else take the room of all that is.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	a := newAnswers(time.Now)
	answer := func(bytes int) *recorded {
		r := newRecorded(httptest.NewRecorder())
		r.body.Write(make([]byte, bytes))
		return r
	}
	slow, first := a.begin("slow", [32]byte{})
	if !first {
		t.Fatal("somebody asked before")
	}
	for i := range maxRemembered {
		r, _ := a.begin(fmt.Sprint(i), [32]byte{})
		a.end(r, answer(1))
	}
	a.end(slow, answer(maxRememberedBytes))
	if a.bytes != a.order.Len() || a.order.Len() != maxRemembered {
		t.Errorf("%d answers of one byte are counted as %d bytes", a.order.Len(), a.bytes)
	}
	if r, first := a.begin(fmt.Sprint(maxRemembered-1), [32]byte{}); first || r.answer == nil {
		t.Error("the last answer is not remembered")
	}
}
