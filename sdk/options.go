package makegood

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Option changes how a client works.
type Option func(*config)

// config is what New makes a client of.
type config struct {
	service, version, environment, source string

	url, token           string
	base                 *url.URL // what url says
	urlGiven, tokenGiven bool
	tokenFile            string
	client               *http.Client
	handler              http.Handler
	logger               *slog.Logger
	onDrop               func(Report, error)
	trace                func(context.Context) string
	limits               limits
	gateFile             string
	spool                spoolConfig
	hashKey              string
	hashKeyGiven         bool
	denied               []string
	redact               []func(typ, key, text string) string
	observers            []eventFunc
	errs                 []error
}

// limits bound what a client holds and sends.
type limits struct {
	inFlight, memory, maxBatch int
	flushEvery                 time.Duration
}

// The service takes at most serverBatch events in one request.
const serverBatch = 1000

// URL is the address of the service, for example "https://makegood.example.com".
// It goes before MAKEGOOD_URL; an empty one disables the client.
func URL(address string) Option {
	return func(c *config) { c.url, c.urlGiven = address, true }
}

// Token is the emitter's bearer token. It goes before MAKEGOOD_TOKEN and
// MAKEGOOD_TOKEN_FILE.
func Token(token string) Option {
	return func(c *config) { c.token, c.tokenGiven = token, true }
}

// Source is the source of the events. Defaults to the service's name.
func Source(source string) Option { return func(c *config) { c.source = source } }

// Version is the version of the application; events carry it as serviceversion.
func Version(version string) Option { return func(c *config) { c.version = version } }

// Env is where the application runs, for example "production"; events carry it
// as environment.
func Env(environment string) Option { return func(c *config) { c.environment = environment } }

// HTTPClient sends the requests. Redirects are not followed, whatever it says,
// and its Timeout is not meant for the stream that gates listen to, which keeps a
// connection for itself.
// Defaults to a client of its own that uses the proxy of the environment.
func HTTPClient(client *http.Client) Option {
	return func(c *config) {
		if client == nil {
			c.fail("HTTPClient is nil: leave the option out")
		}
		c.client = client
	}
}

// Handler hands the requests to h in this process, without a socket. It goes
// before URL.
func Handler(h http.Handler) Option {
	return func(c *config) {
		if h == nil {
			c.fail("Handler is nil: leave the option out")
		}
		c.handler = h
	}
}

// Logger receives the few lines that a client writes: that it is disabled, that
// the service cannot be reached and that it can again, and, without an OnDrop,
// that events were dropped. Defaults to slog.Default().
func Logger(logger *slog.Logger) Option {
	return func(c *config) {
		if logger != nil {
			c.logger = logger
		}
	}
}

// OnDrop is called when events were not accepted, rejected or lost, and when the
// disk refuses what [Spool] asks for: at most once a second, and once more by
// Shutdown. It gets the counts so far and the latest reason, and runs on a
// goroutine of its own. Without it the client logs the same at most once a minute.
func OnDrop(f func(Report, error)) Option { return func(c *config) { c.onDrop = f } }

// TraceParent finds the W3C traceparent of an event in the context given to
// Emit; an empty one means that there is none.
func TraceParent(f func(context.Context) string) Option { return func(c *config) { c.trace = f } }

// Deny leaves fields with these keys out of data, at any depth, beside those that
// are always left out: passwords, tokens, card numbers, names, addresses and the
// like. Capitals and the signs _ - . between words do not matter. [Verbatim] and
// [Hash] are asked before.
func Deny(keys ...string) Option {
	return func(c *config) {
		for _, key := range keys {
			if n := len(fold(new([maxFolded]byte), key)); n < shortestDenied {
				c.fail("Deny %s: use a key of %d to %d letters", quote(key), shortestDenied, maxFolded)
			}
		}
		c.denied = append(c.denied, keys...)
	}
}

// Redact hands every text of data, at any depth, with the event's type and its
// key, to f and emits what f returns; e-mail addresses and card numbers are taken
// out of that too. It runs in the caller of Emit. When it panics the event is
// [ErrInvalid]: what cannot be redacted is not told. It may be given several times.
func Redact(f func(typ, key, text string) string) Option {
	return func(c *config) {
		if f == nil {
			c.fail("Redact is nil: leave the option out")
			return
		}
		c.redact = append(c.redact, f)
	}
}

// HashKey is the application's key for [Hash], 16 bytes or more. It goes before
// MAKEGOOD_HASH_KEY and MAKEGOOD_HASH_KEY_FILE. With another key all pseudonyms
// are others.
func HashKey(key string) Option {
	return func(c *config) { c.hashKey, c.hashKeyGiven = key, true }
}

// OnlyPrivacy takes from options what decides what an event tells, which are [Deny],
// [Redact] and [HashKey], and leaves the rest. It is for a second client that writes
// as another one does, and sends elsewhere: that of makegoodtest, for instance.
func OnlyPrivacy(opts ...Option) Option {
	return func(c *config) {
		var all config
		for _, opt := range opts {
			if opt != nil {
				opt(&all)
			}
		}
		c.denied = append(c.denied, all.denied...)
		c.redact = append(c.redact, all.redact...)
		if all.hashKeyGiven {
			c.hashKey, c.hashKeyGiven = all.hashKey, true
		}
	}
}

// GateFile is where gates keep what they know, for the next start of the program:
// they answer from it until the service is heard. A file that cannot be read is
// as none, and one that cannot be written is logged. Defaults to no file.
func GateFile(path string) Option {
	return func(c *config) {
		if path == "" {
			c.fail("GateFile is empty: leave the option out")
		}
		c.gateFile = path
	}
}

// Spool keeps accepted events in a folder until the service has answered for them,
// so that they outlive an outage longer than [Memory] has room for, and the
// process. It goes before MAKEGOOD_SPOOL. Events are written at the latest when
// they are due, see [FlushEvery], and sent from there; what an earlier process left
// is sent first. A folder belongs to one client at a time. When it cannot be used,
// because the disk is full, say, the client says so in the log and to [OnDrop],
// works in memory alone, and tries again later. Events that the service refused
// go to dead.jsonl in the folder. Defaults to no folder.
func Spool(folder string) Option {
	return func(c *config) {
		if folder == "" {
			c.fail("Spool is empty: leave the option out")
		}
		c.spool.folder = folder
	}
}

// SpoolLimit is the size in bytes of the events in the folder of [Spool], between
// 8 MiB and 1 TiB. When it is reached, events wait in memory, and when that is full
// too they are [ErrFull]. Defaults to 256 MiB, about 600,000 events.
func SpoolLimit(bytes int64) Option {
	return func(c *config) {
		if bytes < smallestSpool || bytes > largestSpool {
			c.fail("SpoolLimit is %d bytes: use between %d and %d", bytes, smallestSpool, largestSpool)
		}
		c.spool.limit = bytes
	}
}

// SpoolSync accepts an event only once it would survive a power loss in the folder
// of [Spool]. Emit then waits for the disk, together with all who emit meanwhile,
// or until its context ends. When the disk refuses, TryEmit returns [ErrUnsaved].
func SpoolSync() Option { return func(c *config) { c.spool.sync = true } }

// MaxInFlight is the number of requests at a time, 1 or 2. With 1, the default,
// events arrive in the order in which they were emitted.
func MaxInFlight(n int) Option {
	return func(c *config) {
		if n != 1 && n != 2 {
			c.fail("MaxInFlight is %d: use 1 or 2", n)
		}
		c.limits.inFlight = n
	}
}

// Memory is the size in bytes of all buffers together, between 512 KiB and
// 1 GiB. Defaults to 8 MiB, about 20,000 events.
func Memory(bytes int) Option {
	return func(c *config) {
		if bytes < 2*bufferSize || bytes > 1<<30 {
			c.fail("Memory is %d bytes: use between %d and %d", bytes, 2*bufferSize, 1<<30)
		}
		c.limits.memory = bytes
	}
}

// FlushEvery is how long an event may wait for company. Defaults to 200 ms.
func FlushEvery(d time.Duration) Option {
	return func(c *config) {
		if d <= 0 || d > time.Hour {
			c.fail("FlushEvery is %s: use more than zero and at most an hour", d)
		}
		c.limits.flushEvery = d
	}
}

// MaxBatch is the number of events in one request, between 1 and 1,000.
// Defaults to 500.
func MaxBatch(events int) Option {
	return func(c *config) {
		if events < 1 || events > serverBatch {
			c.fail("MaxBatch is %d events: use between 1 and %d", events, serverBatch)
		}
		c.limits.maxBatch = events
	}
}

func (c *config) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("makegood: "+format, args...))
}

// newConfig reads options, then the environment for what they leave open.
func newConfig(service string, opts []Option) (*config, error) {
	c := &config{
		service: service,
		logger:  slog.Default(),
		spool:   spoolConfig{limit: 256 << 20},
		limits:  limits{inFlight: 1, memory: 8 << 20, maxBatch: 500, flushEvery: 200 * time.Millisecond},
	}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	if c.source == "" {
		c.source = service
	}
	if !c.urlGiven {
		c.url = strings.TrimSpace(os.Getenv("MAKEGOOD_URL"))
	}
	c.checkNames()
	c.readToken()
	c.readHashKey()
	c.readSpool()
	if c.handler == nil && c.url != "" {
		c.checkURL()
	}
	return c, errors.Join(c.errs...)
}

// enabled reports whether events have somewhere to go.
func (c *config) enabled() bool { return c.handler != nil || c.url != "" }

// checkNames looks at the texts that every event will carry.
func (c *config) checkNames() {
	if c.service == "" {
		c.fail(`the service's name is empty: use one like "checkout"`)
	}
	for _, text := range [...][2]string{{"service", c.service}, {"Source", c.source}, {"Version", c.version}, {"Env", c.environment}} {
		if _, ok := appendStrict(nil, text[1]); !ok || len(text[1]) > maxText {
			c.fail("%s %s is blank, has control characters, is not UTF-8 or is longer than %d bytes", text[0], quote(text[1]), maxText)
		}
	}
	if _, err := url.Parse(c.source); err != nil || strings.ContainsAny(c.source, " <>\"{}|\\^`") {
		c.fail("source %s is not a URI reference: use a word, a path or a URL without spaces", quote(c.source))
	}
}

// readToken finds the token where the options left it open.
func (c *config) readToken() {
	if !c.tokenGiven {
		c.token, c.tokenFile = strings.TrimSpace(os.Getenv("MAKEGOOD_TOKEN")), os.Getenv("MAKEGOOD_TOKEN_FILE")
		if c.token != "" && c.tokenFile != "" {
			c.fail("MAKEGOOD_TOKEN and MAKEGOOD_TOKEN_FILE are both set: keep one")
		}
	}
	if c.tokenFile != "" && c.enabled() {
		token, err := readTokenFile(c.tokenFile)
		if err != nil {
			c.errs = append(c.errs, fmt.Errorf("makegood: read MAKEGOOD_TOKEN_FILE: %w", err))
		}
		c.token = token
	}
	if !isToken(c.token) {
		c.fail("the token has characters that no token has: check MAKEGOOD_TOKEN")
	}
}

// readHashKey finds the key where the options left it open.
func (c *config) readHashKey() {
	if !c.hashKeyGiven {
		file := os.Getenv("MAKEGOOD_HASH_KEY_FILE")
		c.hashKey = strings.TrimSpace(os.Getenv("MAKEGOOD_HASH_KEY"))
		switch {
		case c.hashKey != "" && file != "":
			c.fail("MAKEGOOD_HASH_KEY and MAKEGOOD_HASH_KEY_FILE are both set: keep one")
		case file != "" && c.enabled():
			key, err := readTokenFile(file)
			if err != nil {
				c.errs = append(c.errs, fmt.Errorf("makegood: read MAKEGOOD_HASH_KEY_FILE: %w", err))
				return
			}
			c.hashKey = key
		}
	}
	const shortest = 16
	if n := len(c.hashKey); (n > 0 || c.hashKeyGiven) && n < shortest {
		c.fail("the hash key has %d bytes: use %d or more random ones", n, shortest)
	}
}

// isToken reports whether a header can carry a text as a token, or there is none.
func isToken(s string) bool { return isPlain(s) && !strings.Contains(s, " ") }

func readTokenFile(name string) (string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("file %s is empty", name)
	}
	return token, nil
}

// checkURL reads the address of the service.
func (c *config) checkURL() {
	u, err := url.Parse(c.url)
	shown := c.url[strings.LastIndexByte(c.url, '@')+1:] // a password stands before it
	if i := strings.IndexAny(shown, "?#"); i >= 0 {
		shown = shown[:i] // and perhaps a token behind
	}
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		c.fail("address %s is not an http or https URL: use one like http://127.0.0.1:8080 (MAKEGOOD_URL)", quote(shown))
	case u.User != nil:
		c.fail("the address has a user or password: give the token as MAKEGOOD_TOKEN")
	case u.RawQuery != "" || u.Fragment != "":
		c.fail("address %s has a query or fragment behind it: leave that out", quote(shown))
	case !isPort(u):
		c.fail("address %s has no port between 1 and 65535: correct it, or leave it out", quote(shown))
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/v1/events"):
		c.fail("address %s ends in /v1/events: use the part before it", quote(shown))
	default:
		c.base = u
	}
}

// isPort reports whether the port can exist, or is left out. What a URL's parser
// takes for a port is any digits behind the last colon.
func isPort(u *url.URL) bool {
	if strings.Contains(u.Hostname(), ":") && !strings.HasPrefix(u.Host, "[") {
		return false
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return u.Port() == "" || err == nil && port > 0
}

// isLoopback reports whether requests stay on this machine.
func isLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
