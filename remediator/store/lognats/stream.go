package lognats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

// version of what a stream holds. It is in the stream's metadata.
const version = 1

// Keys of a stream's metadata.
const (
	versionKey = "makegood-version"
	idKey      = "makegood-log"
)

// config is the stream of a log: nothing in it ends by age, number or size, and no
// message can be deleted alone.
func (a address) config() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: a.stream, Description: "The log of a Makegood remediator: each message is a record.",
		Subjects: []string{a.records()}, Storage: jetstream.FileStorage, Replicas: a.replicas,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1, MaxConsumers: -1,
		DenyDelete: true, AllowDirect: true,
		Metadata: map[string]string{versionKey: strconv.Itoa(version)},
	}
}

// check says why a stream does not keep what a log must keep.
func (a address) check(c jetstream.StreamConfig) error {
	bounded := c.MaxMsgs > 0 || c.MaxBytes > 0
	for _, rule := range []struct {
		broken bool
		why    string
	}{
		{c.Metadata[versionKey] == "", "it is not the log of a remediator: name another with stream=NAME"},
		{c.Metadata[versionKey] != strconv.Itoa(version), fmt.Sprintf("it has version %s, and this program knows version %d", c.Metadata[versionKey], version)},
		{!slices.Equal(c.Subjects, []string{a.records()}) || c.Mirror != nil || len(c.Sources) > 0 || c.SubjectTransform != nil,
			"it holds something else than what is published to " + a.records()},
		{c.Storage != jetstream.FileStorage, "it is kept in memory: a log needs storage file"},
		{c.Replicas < a.replicas, fmt.Sprintf("it has %d replicas, want %d: change it with nats stream edit --replicas, or say replicas=%d in the address", c.Replicas, a.replicas, c.Replicas)},
		{c.Retention != jetstream.LimitsPolicy, "its retention removes what was read: a log needs retention limits"},
		{c.MaxAge > 0, "its max_age removes records: the service does that, with --retention"},
		{c.MaxMsgsPerSubject > 0, "its max_msgs_per_subject removes records"},
		{bounded && c.Discard != jetstream.DiscardNew, "its limits remove the oldest records: with discard new it refuses the newest instead"},
		{c.PersistMode != jetstream.DefaultPersistMode, "its persist_mode acknowledges what is not written"},
		{c.NoAck, "it acknowledges nothing"},
		{!c.DenyDelete || c.AllowRollup || c.AllowMsgTTL, "single records can be deleted from it: a log needs deny_delete, and neither rollup nor message TTL"},
		{!c.AllowDirect, "it cannot be read directly: a log needs allow_direct"},
	} {
		if rule.broken {
			return fmt.Errorf("stream %s: %s", a.stream, rule.why)
		}
	}
	return nil
}

// find returns the stream, and makes it when there is none and making is asked for.
func (l *Log) find(ctx context.Context, mayBegin func() error) (stream jetstream.Stream, made bool, err error) {
	stream, err = l.js.Stream(ctx, l.address.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if mayBegin == nil {
			return nil, false, fmt.Errorf("there is no stream %s", l.address.stream)
		}
		if err := mayBegin(); err != nil {
			return nil, false, fmt.Errorf("make stream %s: %w", l.address.stream, err)
		}
		made = true
		stream, err = l.js.CreateStream(ctx, l.address.config())
	}
	if err != nil {
		return nil, false, err
	}
	return stream, made, l.address.check(stream.CachedInfo().Config)
}

// ID is the id of the log that the stream holds, empty when nobody has said it yet.
func (l *Log) ID(ctx context.Context) (string, error) {
	info, err := l.info(ctx)
	if err != nil {
		return "", err
	}
	return info.Config.Metadata[idKey], nil
}

// SetID notes the id of the log in the stream, where it stays when the record that
// says it has been forgotten.
func (l *Log) SetID(ctx context.Context, id string) error {
	info, err := l.info(ctx)
	if err != nil {
		return err
	}
	config := info.Config
	config.Metadata[idKey] = id
	if _, err := l.js.UpdateStream(ctx, config); err != nil {
		return l.failed(ctx, "note id of log", err)
	}
	return nil
}
