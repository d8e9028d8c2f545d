package lognats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/makegood/makegood/remediator/log"
)

// bytesAtOnce bounds what one Read asks for.
const bytesAtOnce = 8 << 20

// pendingHeader says of a record how many the server has behind it.
const pendingHeader = "Nats-Num-Pending"

// Read implements log.Log.
func (l *Log) Read(ctx context.Context, after uint64, limit int) ([]log.Record, error) {
	var records []log.Record
	for more := true; more && len(records) < limit; {
		var next []log.Record
		var err error
		if next, more, err = l.next(ctx, after, limit-len(records)); err != nil {
			return nil, err
		}
		if records = append(records, next...); len(records) > 0 {
			after = records[len(records)-1].Seq
		}
	}
	return records, nil
}

// next returns records behind after, and whether there are more behind them. Any
// server that has the stream answers. One that is behind or has lost a record is not
// believed: then the one that leads is asked.
func (l *Log) next(ctx context.Context, after uint64, limit int) (records []log.Record, more bool, err error) {
	if err := l.broken.Load(); err != nil {
		return nil, false, *err
	}
	got, more, err := l.ask(ctx, limit, jetstreamext.GetBatchSeq(after+1))
	if err != nil {
		return nil, false, err
	}
	if records = unbroken(got, after); len(records) > 0 {
		return records, more || len(records) < len(got), nil
	}
	info, err := l.info(ctx)
	switch {
	case err != nil:
		return nil, false, err
	case info.State.LastSeq < l.last.Load():
		return nil, false, fmt.Errorf("read log: %w: stream %s ends at record %d where it had %d", log.ErrAway, l.address.stream, info.State.LastSeq, l.last.Load())
	case info.State.LastSeq <= after:
		return nil, false, nil
	case info.State.FirstSeq > after+1: // the records before were forgotten
		after = info.State.FirstSeq - 1
	}
	record, err := l.readFromLeader(ctx, after+1)
	if err != nil {
		return nil, false, err
	}
	return []log.Record{record}, record.Seq < info.State.LastSeq, nil
}

// unbroken returns the records from the beginning up to where one is missing.
func unbroken(records []log.Record, after uint64) []log.Record {
	for i, r := range records {
		if r.Seq != after+1+uint64(i) {
			return records[:i]
		}
	}
	return records
}

// ask asks any server for records. It returns whether that server has more behind them.
func (l *Log) ask(ctx context.Context, limit int, from jetstreamext.GetBatchOpt) (records []log.Record, more bool, err error) {
	asking, cancel := l.within(ctx, askTimeout)
	defer cancel()
	messages, err := jetstreamext.GetBatch(asking, l.js, l.address.stream, limit, from, jetstreamext.GetBatchMaxBytes(bytesAtOnce))
	if err != nil {
		return nil, false, l.failed(ctx, "read log", err)
	}
	for m, err := range messages {
		if errors.Is(err, jetstreamext.ErrNoMessages) {
			break
		}
		if err != nil {
			return nil, false, l.failed(ctx, "read log", err)
		}
		records = append(records, log.Record{Seq: m.Sequence, At: m.Time.UnixNano(), Blob: m.Data})
		more = m.Header.Get(pendingHeader) != "0"
	}
	if err := ctx.Err(); err != nil { // else who was asked is silent, or was until now
		return nil, false, fmt.Errorf("read log: %w", err)
	}
	if len(records) > 0 {
		l.heard()
	}
	return records, more, nil
}

// readFromLeader reads one record from the server that leads the stream.
func (l *Log) readFromLeader(ctx context.Context, seq uint64) (log.Record, error) {
	asking, cancel := l.within(ctx, askTimeout)
	defer cancel()
	answer, err := l.conn.RequestWithContext(asking, "$JS.API.STREAM.MSG.GET."+l.address.stream, fmt.Appendf(nil, `{"seq":%d}`, seq))
	if err != nil {
		return log.Record{}, l.failed(ctx, "read log", err)
	}
	l.heard()
	var got struct {
		Error   *jetstream.APIError
		Message struct {
			Seq  uint64
			Data []byte
			Time time.Time
		}
	}
	err = json.Unmarshal(answer.Data, &got)
	switch {
	case err != nil:
		return log.Record{}, fmt.Errorf("read record %d: %w", seq, err)
	case got.Error != nil && got.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return log.Record{}, fmt.Errorf("record %d is missing in stream %s, which goes on behind it: restore the stream", seq, l.address.stream)
	case got.Error != nil:
		return log.Record{}, l.failed(ctx, "read log", got.Error)
	case got.Message.Seq != seq:
		return log.Record{}, fmt.Errorf("read record %d: the server gave record %d", seq, got.Message.Seq)
	}
	return log.Record{Seq: seq, At: got.Message.Time.UnixNano(), Blob: got.Message.Data}, nil
}

// Forget removes records, oldest first: those that are keep old by the servers' clock
// and not behind through. It returns how many went. The last one stays.
func (l *Log) Forget(ctx context.Context, through uint64, keep time.Duration) (records uint64, err error) {
	if l.readOnly {
		return 0, log.ErrReadOnly
	}
	info, err := l.info(ctx)
	if err != nil || info.State.LastSeq == 0 {
		return 0, err
	}
	kept, _, err := l.ask(ctx, 1, jetstreamext.GetBatchStartTime(info.TimeStamp.Add(-keep)))
	if err != nil {
		return 0, err
	}
	first := min(through+1, info.State.LastSeq)
	if len(kept) > 0 {
		first = min(first, kept[0].Seq)
	}
	if first <= info.State.FirstSeq {
		return 0, nil
	}
	if err := l.stream.Purge(ctx, jetstream.WithPurgeSequence(first)); err != nil {
		return 0, l.failed(ctx, "forget records", err)
	}
	return first - info.State.FirstSeq, nil
}
