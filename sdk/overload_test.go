package makegood_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

const (
	inChild      = "MAKEGOOD_TEST_OVERLOADS" // names the service of the process that is overloaded
	capBytes     = 8 << 20                   // a client's memory unless Memory says otherwise
	mostGrowth   = 10 << 20
	overloadedBy = 10
	ofRequest    = 4               // goroutines that net/http has while it dials and waits: they come and go
	overloadFor  = 2 * time.Second // several tries to deliver
)

// footprint is what an overloaded process says of itself at its end.
type footprint struct {
	Resident, Peak int64 // growth of what the system has given it, in bytes; 0 where it does not tell
	Runtime        int64 // growth of what the runtime has from the system and has not given back
	Routines, Most int   // goroutines while the client tried to deliver one event, and the most seen under overload
	Offered        int64 // bytes
	Report         makegood.Report
}

// TestOverloadedProcess offers ten times and more of what a client holds, while
// the service is down in one way or another, to a process of its own with the
// collector as it is by default. It must grow by little more than the client's
// memory, and start no goroutines.
func TestOverloadedProcess(t *testing.T) {
	if url := os.Getenv(inChild); url != "" {
		overload(t, url)
	}
	if raceDetector {
		t.Skip("the race detector has memory of its own")
	}
	t.Parallel()
	refusing := httptest.NewServer(nil)
	refusing.Close()
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(failing.Close)
	hang := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(hang) })
	for name, url := range map[string]string{"refuses": refusing.URL, "fails": failing.URL, "hangs": hanging.URL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkFootprint(t, overloaded(t, url))
		})
	}
}

// overloaded has a process of its own overloaded, and returns what it says.
func overloaded(t *testing.T, url string) (f footprint) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestOverloadedProcess$")
	child.Env = append(os.Environ(), inChild+"="+url, "GOGC=", "GOMEMLIMIT=")
	out, err := child.CombinedOutput()
	_, told, found := strings.Cut(string(out), "footprint ")
	if err != nil || !found || json.NewDecoder(strings.NewReader(told)).Decode(&f) != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return f
}

func checkFootprint(t *testing.T, f footprint) {
	t.Helper()
	t.Logf("%.1f MiB offered; grew by %.1f MiB resident (at most %.1f), %.1f by the runtime; %d goroutines, at most %d; %+v",
		mib(f.Offered), mib(f.Resident), mib(f.Peak), mib(f.Runtime), f.Routines, f.Most, f.Report)
	if f.Resident > mostGrowth || f.Peak > mostGrowth || f.Runtime > mostGrowth {
		t.Errorf("the process grew by more than %.0f MiB", mib(mostGrowth))
	}
	if f.Offered < overloadedBy*capBytes || f.Report.Full == 0 || f.Report.InMemory != f.Report.Accepted || f.Report.Accepted == 0 {
		t.Error("that was no overload")
	}
	if f.Most > f.Routines+ofRequest {
		t.Errorf("goroutines grew from %d to %d", f.Routines, f.Most)
	}
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// overload overloads this process, says what became of it, and ends it.
func overload(t *testing.T, url string) {
	c := newClient(t, makegood.URL(url))
	c.Emit(context.Background(), "com.example.x")
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := c.Flush(limit); err == nil { // the client has begun to try: what it needs once it has
		t.Fatal("the service is up")
	}
	resident, _ := residentBytes()
	fromSystem := runtimeBytes()
	const callers = 4
	text := strings.Repeat("x", 500)
	var f footprint
	var sampled, emitting sync.WaitGroup
	done := make(chan struct{})
	f.Routines = runtime.NumGoroutine() + callers + 1
	for g := range callers {
		emitting.Add(1)
		go func() {
			defer emitting.Done()
			began := time.Now()
			for i := 0; time.Since(began) < overloadFor || i < overloadedBy*capBytes/callers/len(text); i++ {
				c.Emit(context.Background(), "com.example.x", makegood.Int("i", i), makegood.Int("g", g), makegood.String("s", text))
			}
		}()
	}
	sampled.Add(1)
	go func() {
		defer sampled.Done()
		for {
			select {
			case <-done:
				return
			default:
				f.Most = max(f.Most, runtime.NumGoroutine())
				runtime.Gosched()
			}
		}
	}()
	emitting.Wait()
	close(done)
	sampled.Wait()
	f.Report = c.Stats()
	f.Offered = (f.Report.Accepted + f.Report.Full) * int64(len(text))
	f.Runtime = runtimeBytes() - fromSystem
	if now, peak := residentBytes(); resident > 0 {
		f.Resident, f.Peak = now-resident, peak-resident
	}
	told, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("footprint %s\n", told)
	os.Exit(0) // what is in memory cannot be delivered: it is not waited for
}

// residentBytes is what the system has given this process now, and at most so far;
// 0 where it does not tell.
func residentBytes() (now, peak int64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0
	}
	for _, line := range strings.Split(string(status), "\n") {
		name, value, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			now = kib << 10
		case "VmHWM":
			peak = kib << 10
		}
	}
	return now, peak
}

// runtimeBytes is what the runtime has from the system and has not given back.
func runtimeBytes() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64()) - int64(samples[1].Value.Uint64())
}
