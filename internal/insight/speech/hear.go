package speech

import (
	"context"
	"errors"
	"io"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
)

// mute is how much speech an engine may leave without a word before that counts
// as its failure: a cough is shorter, a sentence longer.
const mute = time.Second

// hearing is an open recording. An opening lasts 15 minutes at most; a long
// recording takes longer, and is opened again, with a receipt of its own.
type hearing struct {
	s        *Service
	p        *place.Place
	rec      id.Recording
	opening  *recording.Opening
	pcm      sound.PCM
	layout   string
	channels int
}

func (s *Service) open(ctx context.Context, p *place.Place, rec id.Recording) (*hearing, error) {
	h := &hearing{s: s, p: p, rec: rec}
	if err := h.reopen(ctx); err != nil {
		return nil, err
	}
	h.layout, h.channels = h.opening.Layout, h.pcm.Channels()
	return h, nil
}

func (h *hearing) reopen(ctx context.Context) error {
	h.close()
	o, err := h.s.recordings.Open(ctx, h.p, system(), h.rec, recording.Ask{What: "transcribe"})
	if err != nil {
		return err
	}
	h.opening = o
	if h.pcm, err = o.PCM(ctx); err != nil {
		h.close()
		if fault.Is(err, fault.Invalid) {
			return &Refusal{"the sound cannot be decoded: " + fault.Of(err).Text}
		}
		return err
	}
	return nil
}

// renew opens again when little time is left.
func (h *hearing) renew(ctx context.Context) error {
	if time.Until(h.opening.Until) > 2*time.Minute {
		return nil
	}
	return h.reopen(ctx)
}

func (h *hearing) close() {
	if h.pcm != nil {
		h.pcm.Close()
		h.pcm = nil
	}
	if h.opening != nil {
		h.opening.Close()
		h.opening = nil
	}
}

// measure hears how loud each channel is, without keeping the sound.
func (h *hearing) measure(ctx context.Context) ([]*meter, error) {
	meters := make([]*meter, h.channels)
	for c := range meters {
		meters[c] = newMeter(h.pcm.Rate())
	}
	buf := make([]int16, h.channels*h.pcm.Rate())
	one := make([]int16, h.pcm.Rate())
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := h.pcm.ReadFrames(buf, at)
		if n == 0 {
			if errors.Is(err, io.EOF) || err == nil {
				return meters, nil
			}
			return nil, err
		}
		for c, m := range meters {
			for i := range n {
				one[i] = buf[i*h.channels+c]
			}
			m.add(one[:n])
		}
		at += int64(n)
	}
}

// read gives some channels of a stretch of the recording.
func (h *hearing) read(ctx context.Context, w Span, channels []int) ([][]int16, error) {
	if err := h.renew(ctx); err != nil {
		return nil, err
	}
	out := make([][]int16, len(channels))
	for i := range out {
		out[i] = make([]int16, 0, w.To-w.From)
	}
	buf := make([]int16, h.channels*h.pcm.Rate())
	for at := w.From; at < w.To; {
		n, err := h.pcm.ReadFrames(buf[:min(len(buf), (w.To-at)*h.channels)], int64(at))
		if n == 0 {
			if errors.Is(err, io.EOF) {
				break // the last frame of the meter is not full
			}
			return nil, err
		}
		for i, c := range channels {
			for k := range n {
				out[i] = append(out[i], buf[k*h.channels+c])
			}
		}
		at += n
	}
	return out, nil
}

// hear has the engine hear all of the recording, piece by piece. The times of
// what it gives count from the start of the recording.
func (s *Service) hear(ctx context.Context, p *place.Place, h *hearing, t task) ([]Utterance, error) {
	meters, err := h.measure(ctx)
	if err != nil {
		return nil, err
	}
	speech := make([][]Span, len(meters))
	for c, m := range meters {
		speech[c] = m.speech()
	}
	session := Session{Language: t.language, Subject: t.row.ID.String(), Send: func(ctx context.Context, r egress.Request) (egress.Answer, error) {
		return s.out.Do(ctx, p, system(), r)
	}}
	rate := h.pcm.Rate()
	longest := int(t.abilities.Longest.Seconds() * float64(rate))
	var all []Utterance
	for _, group := range groups(h.channels, t.abilities.Stereo) {
		var together []Span
		for _, c := range group {
			together = union(together, speech[c])
		}
		for _, w := range meters[group[0]].cut(together, longest) {
			samples, err := h.read(ctx, w, group)
			if err != nil {
				return nil, err
			}
			piece := Piece{Rate: rate, Channels: samples}
			for _, c := range group {
				piece.Speech = append(piece.Speech, within(speech[c], w))
			}
			heard, err := s.piece(ctx, t.engine, session, piece)
			if err != nil {
				return nil, err
			}
			for _, u := range heard {
				all = append(all, u.from(piece.length(w.From), group))
			}
		}
	}
	return all, nil
}

// groups are the channels that are heard together.
func groups(channels int, stereo bool) [][]int {
	var out [][]int
	for c := range channels {
		if stereo && c > 0 {
			out[0] = append(out[0], c)
		} else {
			out = append(out, []int{c})
		}
	}
	return out
}

// from moves an utterance of a piece to its place in the recording.
func (u Utterance) from(start time.Duration, group []int) Utterance {
	u.Start += start
	u.End += start
	for i := range u.Words {
		u.Words[i].Start += start
		u.Words[i].End += start
	}
	u.Channel = group[u.Channel]
	return u
}

// piece hears one piece when a hand is free, and does not believe silence where
// there was speech.
func (s *Service) piece(ctx context.Context, e Engine, session Session, p Piece) ([]Utterance, error) {
	select {
	case s.hands <- struct{}{}:
		defer func() { <-s.hands }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	heard, err := e.Transcribe(ctx, session, p)
	if err != nil {
		return nil, err
	}
	words := make([]int, len(p.Channels))
	for _, u := range heard {
		if u.Channel < 0 || u.Channel >= len(words) {
			return nil, later(nil, 0, "the engine answered for a channel that it was not given")
		}
		words[u.Channel] += len(u.Text)
	}
	for c, n := range words {
		if n == 0 && c < len(p.Speech) && p.length(spoken(p.Speech[c])) >= mute {
			return nil, later(nil, 0, "the engine heard speech but returned nothing")
		}
	}
	return heard, nil
}

// speakers says who is heard in each channel. Left is the party that called:
// the customer if the call came in, the agent if it went out.
func speakers(layout, direction string, channels int) []Speaker {
	calling, called := Customer, Agent
	switch recording.Direction(direction) {
	case recording.Outbound:
		calling, called = Agent, Customer
	case recording.Internal:
		calling, called = Agent, Agent
	case recording.Inbound, recording.UnknownDirection:
	}
	switch {
	case sound.Layout(layout) == sound.Sides && channels == 2:
		return []Speaker{calling, called}
	case sound.Layout(layout) == sound.Caller && channels == 1:
		return []Speaker{calling}
	case sound.Layout(layout) == sound.Agent && channels == 1:
		return []Speaker{called}
	default:
		out := make([]Speaker, channels)
		for i := range out {
			out[i] = UnknownRole
		}
		return out
	}
}
