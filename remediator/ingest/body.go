package ingest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Why a body was not read whole.
var (
	errTooLarge = errors.New("body is too large after decompression")
	errBusy     = errors.New("too many bytes are under way")
	errEncoding = errors.New("content encoding is not supported")
)

// body reads the whole body, decompressed. Its bytes count as held until
// release is called.
func (h *Handler) body(w http.ResponseWriter, r *http.Request) (body []byte, release func(), p *refused) {
	held := &hold{handler: h}
	body, err := held.body(w, r)
	if err == nil {
		return body, held.release, nil
	}
	held.release()
	var limit *http.MaxBytesError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errBusy):
		return nil, nil, refusal(http.StatusTooManyRequests, ProblemBusy, "too many bytes are under way: send the same again in a second")
	case errors.Is(err, errEncoding):
		w.Header().Set("Accept-Encoding", "gzip, zstd")
		return nil, nil, refusal(http.StatusUnsupportedMediaType, ProblemEncoding, fmt.Sprintf(
			"the Content-Encoding %s is not supported: send gzip, zstd or none", quote(r.Header.Get("Content-Encoding"))))
	case errors.As(err, &limit), errors.Is(err, errTooLarge), errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return nil, nil, refusal(http.StatusRequestEntityTooLarge, ProblemTooLarge, fmt.Sprintf(
			"the body has more than %d bytes after decompression: send it in parts", h.cfg.MaxBody))
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil, nil, refusal(http.StatusRequestTimeout, ProblemTimeout, "the body did not arrive in time: send it again")
	}
	return nil, nil, refusal(http.StatusBadRequest, ProblemBody,
		"the body cannot be read or decompressed: send all of it, in the Content-Encoding that the header names")
}

// hold is one request's share of the bytes under way.
type hold struct {
	handler *Handler
	size    int64
}

// grow adds to the share. A request that is alone always may, so that no bound
// shuts the door for good.
func (o *hold) grow(n int64) error {
	o.size += n
	if all := o.handler.inFlight.Add(n); all > int64(o.handler.cfg.MaxInFlight) && all > o.size {
		return errBusy
	}
	return nil
}

func (o *hold) release() { o.handler.inFlight.Add(-o.size) }

func (o *hold) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	most := int64(o.handler.cfg.MaxBody)
	// This reader makes the server close the connection of who sends too much.
	wire := http.MaxBytesReader(w, r.Body, most)
	switch strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))) {
	case "", "identity":
		if r.ContentLength < 0 {
			return o.readAll(wire)
		}
		if r.ContentLength > most {
			w.Header().Set("Connection", "close") // rather than read on to get past it
			return nil, errTooLarge
		}
		if err := o.grow(r.ContentLength); err != nil {
			return nil, err
		}
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(wire, body)
		return body, err
	case "gzip", "x-gzip":
		return o.gzip(wire)
	case "zstd":
		return o.zstd(wire)
	}
	return nil, errEncoding
}

// readAll reads a body whose size is not known before. Its share grows with it,
// so that one who sends slowly holds no more than what came.
func (o *hold) readAll(r io.Reader) ([]byte, error) {
	most := int64(o.handler.cfg.MaxBody)
	body, err := io.ReadAll(io.LimitReader(&counted{o, r}, most+1))
	if err == nil && int64(len(body)) > most {
		err = errTooLarge
	}
	return body, err
}

// counted counts what is read into a share.
type counted struct {
	hold *hold
	r    io.Reader
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if busy := c.hold.grow(int64(n)); busy != nil {
		return n, busy
	}
	return n, err
}

func (o *hold) gzip(wire io.Reader) ([]byte, error) {
	pool := &o.handler.gzips // of readers, which are costly to make
	reader, reused := pool.Get().(*gzip.Reader)
	var err error
	if reused {
		err = reader.Reset(wire)
	} else {
		reader, err = gzip.NewReader(wire)
	}
	if err != nil {
		return nil, err
	}
	body, err := o.readAll(reader)
	if err == nil {
		pool.Put(reader) // one that met an error is thrown away
	}
	return body, err
}

// zstdMemory is the window that RFC 8878 asks every decoder to support; common
// encoders declare it even for small bodies.
const zstdMemory = 8 << 20

func newZstdDecoder(maxBody int) *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(uint64(max(maxBody, zstdMemory))))
	if err != nil {
		panic(fmt.Sprintf("ingest: make zstd decoder: %v", err)) // the options are ours
	}
	return d
}

// zstd reads the compressed body before it decompresses: a decoder that reads
// on its own allocates the window that the body declares, however small it is.
func (o *hold) zstd(wire io.Reader) ([]byte, error) {
	compressed, err := o.readAll(wire)
	if err != nil {
		return nil, err
	}
	body, err := o.handler.unzstd.DecodeAll(compressed, nil)
	if err == nil && len(body) > o.handler.cfg.MaxBody {
		err = errTooLarge
	}
	if err != nil {
		return nil, err
	}
	return body, o.grow(int64(len(body)))
}
