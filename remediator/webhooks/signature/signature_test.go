package signature

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The vector that the specification's own libraries are tested with.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTimestamp = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	strangeV1       = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
)

var at = time.Unix(vectorTimestamp, 0)

func secret(t testing.TB, text string) Secret {
	t.Helper()
	s, err := ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPublishedVector(t *testing.T) {
	t.Parallel()
	for _, text := range []string{vectorSecret, strings.TrimPrefix(vectorSecret, "whsec_"), " " + vectorSecret + "\n"} {
		if got := Sign([]Secret{secret(t, text)}, vectorID, at, []byte(vectorBody)); got != vectorSignature {
			t.Errorf("signed %s, want %s", got, vectorSignature)
		}
	}
}

// The cases of upstream's own test, and the odd ones around them.
func TestVerify(t *testing.T) {
	t.Parallel()
	other := secret(t, "whsec_"+strings.Repeat("QUJD", 10))
	cases := []struct {
		name   string
		change func(h http.Header)
		now    time.Time
		want   error
	}{
		{"valid", func(http.Header) {}, at, nil},
		{"no id", func(h http.Header) { h.Del(HeaderID) }, at, ErrHeader},
		{"no timestamp", func(h http.Header) { h.Del(HeaderTimestamp) }, at, ErrHeader},
		{"no signature", func(h http.Header) { h.Del(HeaderSignature) }, at, ErrHeader},
		{"wrong signature", func(h http.Header) { h.Set(HeaderSignature, strangeV1) }, at, ErrSignature},
		{"another version", func(h http.Header) { h.Set(HeaderSignature, "v2"+strings.TrimPrefix(vectorSignature, "v1")) }, at, ErrSignature},
		{"no version", func(h http.Header) { h.Set(HeaderSignature, strings.TrimPrefix(vectorSignature, "v1,")) }, at, ErrSignature},
		{"no base64", func(h http.Header) { h.Set(HeaderSignature, "v1,!") }, at, ErrSignature},
		{"an empty one", func(h http.Header) { h.Set(HeaderSignature, "v1,") }, at, ErrSignature},
		{"five minutes old", func(http.Header) {}, at.Add(Tolerance), nil},
		{"older", func(http.Header) {}, at.Add(Tolerance + time.Second), ErrTimestamp},
		{"five minutes ahead", func(http.Header) {}, at.Add(-Tolerance), nil},
		{"further ahead", func(http.Header) {}, at.Add(-Tolerance - time.Second), ErrTimestamp},
		{"another time than signed", func(h http.Header) { h.Set(HeaderTimestamp, "1614265331") }, at, ErrSignature},
		{"time of another form", func(h http.Header) { h.Set(HeaderTimestamp, "01614265330") }, at, ErrHeader},
		{"time is no number", func(h http.Header) { h.Set(HeaderTimestamp, "noon") }, at, ErrHeader},
		{"time before 1970", func(h http.Header) { h.Set(HeaderTimestamp, "-1") }, at, ErrHeader},
		{"time beyond all", func(h http.Header) { h.Set(HeaderTimestamp, "9223372036854775807") }, at, ErrSignature},
		{"several, one fits", func(h http.Header) {
			h.Set(HeaderSignature, strangeV1+" v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= "+vectorSignature+" "+strangeV1)
		}, at, nil},
		{"several headers, one fits", func(h http.Header) { h.Set(HeaderSignature, strangeV1); h.Add(HeaderSignature, vectorSignature) }, at, nil},
		{"behind too many", func(h http.Header) {
			h.Set(HeaderSignature, strings.Repeat(strangeV1+" ", maxSignatures)+vectorSignature)
		}, at, ErrSignature},
		{"another id", func(h http.Header) { h.Set(HeaderID, "msg_2") }, at, ErrSignature},
		{"two ids", func(h http.Header) { h.Add(HeaderID, "msg_2") }, at, ErrHeader},
		{"an id with a space", func(h http.Header) { h.Set(HeaderID, "msg 2") }, at, ErrHeader},
		{"a long id", func(h http.Header) { h.Set(HeaderID, strings.Repeat("a", maxID+1)) }, at, ErrHeader},
		{"signed by another", func(h http.Header) { SetHeaders(h, []Secret{other}, vectorID, at, []byte(vectorBody)) }, at, ErrSignature},
	}
	for _, c := range cases {
		header := http.Header{}
		SetHeaders(header, []Secret{secret(t, vectorSecret)}, vectorID, at, []byte(vectorBody))
		c.change(header)
		message, err := Verify([]Secret{secret(t, vectorSecret)}, header, []byte(vectorBody), c.now)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err == nil && (message.ID != vectorID || !message.At.Equal(at)) {
			t.Errorf("%s: verified as %+v", c.name, message)
		}
	}
	header := http.Header{}
	SetHeaders(header, []Secret{secret(t, vectorSecret)}, vectorID, at, []byte(vectorBody))
	if _, err := Verify([]Secret{secret(t, vectorSecret)}, header, []byte(vectorBody+" "), at); !errors.Is(err, ErrSignature) {
		t.Errorf("another body: %v", err)
	}
	if _, err := Verify(nil, header, []byte(vectorBody), at); !errors.Is(err, ErrSignature) {
		t.Errorf("without a secret: %v", err)
	}
}

// While a secret changes, sender and receiver agree in every order of the change.
func TestRotation(t *testing.T) {
	t.Parallel()
	before, after := secret(t, vectorSecret), secret(t, "whsec_"+strings.Repeat("QUJD", 10))
	for _, sender := range [][]Secret{{before}, {after, before}, {after}} {
		for _, receiver := range [][]Secret{{before}, {after, before}, {after}} {
			header := http.Header{}
			SetHeaders(header, sender, "m", at, nil)
			_, err := Verify(receiver, header, nil, at)
			if shared := len(sender)+len(receiver) > 2 || sender[0].key[0] == receiver[0].key[0]; (err == nil) != shared {
				t.Errorf("sent with %d, received with %d secrets: %v", len(sender), len(receiver), err)
			}
		}
	}
}

func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	s := secret(t, vectorSecret)
	if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); strings.Contains(text, "MfKQ") || strings.Contains(text, "49") {
		t.Errorf("printed as %s", text)
	}
	for _, text := range []string{"", "whsec_", "whsec_!", "whsec_QUJD", "whsec_" + strings.Repeat("QUJD", 30)} {
		_, err := ParseSecret(text)
		if err == nil || len(text) > 8 && strings.Contains(err.Error(), text) {
			t.Errorf("%.20s: %v", text, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(vectorID, "1614265330", vectorSignature, vectorBody)
	f.Add(vectorID, "1614265330", strangeV1+" "+vectorSignature, vectorBody)
	f.Add("a", "-9223372036854775808", "v1,", "")
	s := secret(f, vectorSecret)
	f.Fuzz(func(t *testing.T, id, timestamp, signatures, body string) {
		header := http.Header{HeaderID: {id}, HeaderTimestamp: {timestamp}, HeaderSignature: {signatures}}
		message, err := Verify([]Secret{s}, header, []byte(body), at)
		if err != nil {
			return
		}
		if want := Sign([]Secret{s}, message.ID, message.At, []byte(body)); !strings.Contains(signatures, want) {
			t.Errorf("verified %q, which does not hold %q", signatures, want)
		}
	})
}
