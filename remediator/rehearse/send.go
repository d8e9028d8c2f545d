package rehearse

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule/document"
)

// testStart is when every test begins.
var testStart = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// input makes the input of a send: number counts the events of the test from 1,
// again the repeats of this one from 0. What an event needs and a test does not
// care about is filled in: specversion, id, source and time. The clock is the
// time that the test gives, else the event's own.
func (r *run) input(number, again int, one send) (input.Input, bool) {
	if one.passes() {
		return input.Input{Kind: input.Tick, At: testStart.Add(one.after).UnixNano()}, true
	}
	attributes, ok := r.attributes(one, r.files)
	if !ok || !r.sets(attributes, one) {
		return input.Input{}, false
	}
	one.shift(attributes, again)
	arrives := testStart.Add(one.after + time.Duration(again)*one.every)
	_, ownTime := attributes["time"]
	for name, value := range map[string]any{
		"specversion": "1.0", "source": "/test", "id": "test-" + strconv.Itoa(number), "time": arrives.Format(time.RFC3339Nano),
	} {
		if _, given := attributes[name]; !given {
			attributes[name] = value
		}
	}
	raw, err := json.Marshal(attributes)
	if err != nil {
		r.Errorf(one.at, "event", "", "encode the event: %v", err)
		return input.Input{}, false
	}
	head, err := event.Check(raw, event.MaxBytes)
	if err != nil {
		r.Errorf(one.at, "event", "", "the event is refused: %v", err)
		return input.Input{}, false
	}
	in := eventInput(raw, head.Time)
	if one.timed || !ownTime {
		in.At = arrives.UnixNano()
	}
	return in, true
}

// shift makes a repeat of an event that has an id and a time of its own another
// event, at its own time.
func (one *send) shift(attributes map[string]any, again int) {
	if id, ok := attributes["id"].(string); ok && again > 0 {
		attributes["id"] = id + "-" + strconv.Itoa(again+1)
	}
	text, _ := attributes["time"].(string)
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil && again > 0 {
		attributes["time"] = at.Add(time.Duration(again) * one.every).Format(time.RFC3339Nano)
	}
}

// attributes returns the event as it is written, with numbers as written.
func (s *suite) attributes(one send, files map[string]string) (map[string]any, bool) {
	if one.file != nil {
		return s.fromFile(one.file, files)
	}
	if one.event == nil {
		return nil, false
	}
	value, err := plainValue(one.event)
	if err != nil {
		s.Errorf(document.At(one.event), "event", "", "read the event: %v", err)
		return nil, false
	}
	attributes, ok := value.(map[string]any)
	if !ok {
		s.Errorf(document.At(one.event), "type", "write its attributes: type, data, …", "the event is not a mapping")
	}
	return attributes, ok
}

func (s *suite) fromFile(name *yaml.Node, files map[string]string) (map[string]any, bool) {
	file := s.beside(name)
	text, ok := files[file]
	if !ok {
		var near []string
		for other := range files {
			if strings.HasSuffix(other, ".json") && path.Dir(other) == path.Dir(file) {
				near = append(near, path.Base(other))
			}
		}
		hint := "put the event into a JSON file beside this one"
		if found := document.Nearest(name.Value, near); found != "" {
			hint = "did you mean " + found + "?"
		}
		s.Errorf(document.At(name), "file", hint, "there is no file %s", file)
		return nil, false
	}
	attributes, err := oneEvent(text)
	if err != nil {
		s.Errorf(document.At(name), "file", "write one event as a JSON object", "read the event of %s%s: %v", file, placeIn(text, err), err)
		return nil, false
	}
	return attributes, true
}

// oneEvent reads a JSON object as the service does, which refuses a name that is there twice,
// and keeps its numbers as they are written.
func oneEvent(text string) (map[string]any, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("it is empty")
	}
	value, err := event.DecodeData([]byte(text))
	if err != nil {
		return nil, err
	}
	if _, ok := value.(map[string]any); !ok {
		return nil, errors.New("it is no object")
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var attributes map[string]any
	err = decoder.Decode(&attributes)
	return attributes, err
}

// placeIn writes where in a text an event was found wrong, :LINE:COLUMN; "" for the whole of it.
func placeIn(text string, err error) string {
	var why *event.Error
	if !errors.As(err, &why) || why.Offset <= 0 || why.Offset > len(text) {
		return ""
	}
	before := text[:why.Offset]
	return fmt.Sprintf(":%d:%d", strings.Count(before, "\n")+1, len(before)-strings.LastIndexByte(before, '\n'))
}

// jsonNumber is a number that JSON and YAML write alike.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// plainValue turns a YAML value into what JSON has. Times stay texts.
func plainValue(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			if _, twice := object[name]; twice {
				return nil, fmt.Errorf("%q is written twice", name)
			}
			value, err := plainValue(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			object[name] = value
		}
		return object, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			value, err := plainValue(item)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	}
	return plainScalar(n)
}

func plainScalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		err := n.Decode(&b)
		return b, err
	case "!!int", "!!float":
		if jsonNumber.MatchString(n.Value) {
			return json.Number(n.Value), nil
		}
		var f float64
		if err := n.Decode(&f); err != nil {
			return nil, err
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("%s is no number in JSON", n.Value)
		}
		return f, nil
	}
	return n.Value, nil
}
