package capture

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/sound"
)

// sounds lists the call's files: what may be done with each, when it began and whom it holds.
func (b *builder) sounds() {
	if !b.call.Ended && !b.call.Cut && slices.ContainsFunc(b.files, b.stale) {
		b.call.Cut = true
	}
	for _, f := range b.files {
		b.call.Files = append(b.call.Files, b.file(f))
	}
	slices.SortStableFunc(b.call.Files, func(x, y File) int {
		if n := cmp.Compare(x.StartedAt.UnixMilli(), y.StartedAt.UnixMilli()); n != 0 && x.Group != y.Group {
			return n
		}
		return cmp.Compare(x.Path, y.Path)
	})
}

func (b *builder) file(f *soundFile) File {
	out := File{
		Path: f.path, Size: f.size, ModifiedAt: f.modified, Sound: f.sound, Group: f.name.group, UniqueID: f.name.uid,
		Reason: f.problem, TitleHidden: b.titleOf(path.Base(f.path)),
	}
	out.State, out.Reason = b.state(f)
	rec := b.recorderOf(f)
	out.StartedAt = b.soundFrom(f, rec)
	out.Conditional = rec != nil && rec.conditional
	consulted := b.s.consultation(b.s.byUID[f.name.uid])
	out.Heard = b.call.Direction != Internal && !consulted
	out.Parties = b.voices(f.sound, consulted)
	return out
}

// stale reports a file that stopped growing although the logs went on: what is in it ended long before their last line. A file that is
// written is behind by 2 seconds, or 20 for GSM.
func (b *builder) stale(f *soundFile) bool {
	if f.problem != "" || f.sound.Empty() || f.sound.Header != sound.Open && f.sound.Header != sound.Absent {
		return false
	}
	from := b.soundFrom(f, b.recorderOf(f))
	return !from.IsZero() && b.j.newest-from.UnixMilli()-int64(f.sound.Seconds*1000) > behind.Milliseconds()
}

// behind is by how much a file may be shorter than the time that passed, without its writer being gone: a caller on hold whose telephone
// sends nothing adds nothing.
const behind = 5 * time.Minute

// recorderOf finds the start of MixMonitor that named a file.
func (b *builder) recorderOf(f *soundFile) (rec *recorder) {
	for i := range b.s.recorders {
		r := &b.s.recorders[i]
		if strings.Contains(r.data, path.Base(f.name.group)) && (rec == nil || rec.at > r.at) {
			rec = r
		}
	}
	return rec
}

// state decides what may be done with a file. Nothing is complete before the call has ended: a recording that was stopped and may be
// continued has a header that agrees, too.
func (b *builder) state(f *soundFile) (FileState, string) {
	over := b.call.Ended || b.call.Cut
	switch {
	case !f.locked.IsZero():
		return Partial, heldText
	case f.problem != "":
		return Unreadable, f.problem
	case f.sound.Empty() && over:
		return Empty, "the file holds no sound"
	case f.sound.Empty():
		return Partial, "the call has not ended"
	case !over:
		return Partial, "the call has not ended"
	}
	switch f.sound.Header {
	case sound.Agrees, sound.Short:
		if b.call.Cut {
			return Truncated, "the telephone system stopped before the call ended"
		}
		return Complete, ""
	case sound.Absent:
		if b.call.Cut {
			return Truncated, "the telephone system stopped before the call ended"
		}
		return Complete, ""
	case sound.Long:
		return Truncated, "the header promises more sound than is there"
	}
	if b.call.Cut {
		return Truncated, "the telephone system stopped before the file was closed"
	}
	return Truncated, "the file was not closed though the call has ended"
}

// soundFrom is when the first sample was spoken: when MixMonitor was started, or with option b when two parties were first connected.
func (b *builder) soundFrom(f *soundFile, rec *recorder) time.Time {
	if rec != nil {
		at := rec.at
		c := b.s.byUID[rec.uid]
		if c != nil { // before the channel is answered no sound flows
			at = max(at, c.answer)
		}
		if rec.conditional && c != nil {
			if first := b.bridgedAfter(rec.uid, rec.at); first != 0 {
				at = first
			}
		}
		return time.UnixMilli(at).UTC()
	}
	if f.name.wall != 0 && f.name.uid != "" {
		if u, ok := parseUniqueID(f.name.uid); ok {
			// The name's date and time are local; the channel's birth in UTC is less than a call earlier. Only the minutes are needed.
			return time.UnixMilli(alignToZone(f.name.wall, u.epoch*1000)).UTC()
		}
	}
	return b.call.StartedAt.Time
}

// alignToZone shifts a wall time by whole quarters of an hour to the instant at or just after the given one.
func alignToZone(wall, after int64) int64 {
	const quarter = 900_000
	d := (wall - after) % quarter
	if d < 0 {
		d += quarter
	}
	if d > quarter-near {
		d -= quarter // clocks of a name are cut to seconds
	}
	return after + d
}

// bridgedAfter is when a channel was first connected with another after an instant.
func (b *builder) bridgedAfter(uid string, at int64) int64 {
	for i := range b.c.cel {
		if ev := &b.c.cel[i]; ev.uid == uid && ev.what == "BRIDGE_ENTER" && ev.at >= at {
			return ev.at
		}
	}
	return 0
}

// voices says who is heard in each channel of a file. The calling party is the customer only in a call from outside.
func (b *builder) voices(p sound.Probed, consulted bool) []string {
	caller, called := "customer", "agent"
	switch {
	case consulted || b.call.Direction == Internal:
		caller, called = "agent", "agent"
	case b.call.Direction == Outbound:
		caller, called = "agent", "customer"
	}
	switch p.Layout {
	case sound.Caller:
		return []string{caller}
	case sound.Agent:
		return []string{called}
	case sound.Sides:
		return []string{caller, called}
	}
	if p.Channels == 1 {
		return []string{"both"}
	}
	return nil
}

// titleOf is a file's name for showing. Of a call with a withheld number it is what remains without the number, wherever that stands.
func (b *builder) titleOf(base string) string {
	base = Shown(base)
	if !b.call.Withheld {
		return base
	}
	n := parseFileName(base)
	for _, hide := range []string{n.second, b.number()} {
		if len(hide) > 2 && !anonymous[strings.ToLower(hide)] {
			base = strings.ReplaceAll(base, hide, "withheld")
		}
	}
	return base
}

// number is what the trunk passed on of a caller who withheld it.
func (b *builder) number() string {
	if b.s.root != nil && b.s.root.cidNum != "" {
		return b.s.root.cidNum
	}
	if b.root != nil {
		return b.root.src
	}
	return ""
}
