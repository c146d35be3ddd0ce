package person

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/parcel"
)

// KindPack is the kind of export in which somebody gets what is kept of them.
const KindPack = "person-pack"

// packArgs are what an order of a pack says: nothing personal but the case's id.
type packArgs struct {
	Case id.PersonRequest `json:"case"`
}

// Maker makes packs. A pack holds what was confirmed to be the person's: the
// sound of their side of each call, the other side silenced; their turns of the
// transcript; the call as it was written down; what the other stores say; and an
// explanation in plain words. Each recording is opened in the name of who asked
// for the pack, and leaves a receipt.
func (s *Service) Maker() parcel.Maker {
	return parcel.Maker{Act: string(access.PersonManage), Estimate: s.estimate, Make: s.makePack}
}

// AskPack orders a pack of a case of access or portability.
func (s *Service) AskPack(ctx context.Context, p *place.Place, who actor.Actor, parcels *parcel.Service, i id.PersonRequest) (parcel.Parcel, error) {
	var subjects []string
	_, err := s.change(ctx, p, who, i, func(tx *place.Tx, c *Case) (place.Event, error) {
		if err := c.open(Access, Portability); err != nil {
			return place.Event{}, err
		}
		if c.Figures.Undecided > 0 {
			return place.Event{}, fault.New(fault.Conflict, "%d finds are neither confirmed nor rejected: what is another person's must not be handed over", c.Figures.Undecided)
		}
		recs, _, err := s.confirmedRecordings(tx, i)
		subjects = nil
		for _, r := range recs {
			subjects = append(subjects, r.String())
		}
		return place.Event{Code: "request.pack-asked"}, err
	})
	if err != nil {
		return parcel.Parcel{}, err
	}
	return parcels.Ask(ctx, p, who, parcel.Order{Kind: KindPack, Name: "personal-data-" + i.String() + ".zip", Args: packArgs{i}, Purpose: Purpose(i), Subjects: subjects})
}

func (s *Service) estimate(ctx context.Context, p *place.Place, args json.RawMessage) (n int64, err error) {
	var a packArgs
	if err := json.Unmarshal(args, &a); err != nil {
		return 0, err
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		recs, _, err := s.confirmedRecordings(tx, a.Case)
		for _, rec := range recs {
			row, err := s.o.Recordings.Lookup(tx, rec)
			if err != nil && !fault.Is(err, fault.Gone) {
				return err
			}
			n += row.Millis * 32 // two channels of 16 bits at 8 kHz
		}
		n += 1 << 20
		return err
	})
	return n, err
}

// packed is one find as a program reads it.
type packed struct {
	Store string    `json:"store"`
	What  string    `json:"what"`
	Ref   string    `json:"id"`
	At    time.Time `json:"at,omitzero"`
	Why   []string  `json:"found_by"`
	Sound string    `json:"sound"` // the file, or why there is none
	Text  string    `json:"transcript"`
}

func (s *Service) makePack(ctx context.Context, p *place.Place, b *parcel.Box) error {
	var a packArgs
	if err := b.Decode(&a); err != nil {
		return err
	}
	c, err := s.Read(ctx, p, a.Case)
	if err != nil {
		return err
	}
	var all []Item
	if err := p.View(ctx, func(tx *place.Tx) (err error) {
		all, err = s.items(tx, a.Case, ` AND verdict = 'confirmed' AND outcome <> 'erased' ORDER BY id`)
		return err
	}); err != nil {
		return err
	}
	list := make([]packed, 0, len(all))
	for n, it := range all {
		one := packed{Store: it.Title, What: it.Label, Ref: it.Ref, At: it.At, Why: it.Why}
		if it.Store == storeRecordings {
			if err := s.packRecording(ctx, p, b, it, c.Right == Portability, &one); err != nil {
				return err
			}
		}
		list = append(list, one)
		if err := b.Progress(ctx, int64(n+1), int64(len(all))); err != nil {
			return err
		}
	}
	doc := map[string]any{"request": c.ID, "right": c.Right, "received_at": c.ReceivedAt, "person": c.Subject.Name, "identifiers": c.Subject.Identifiers, "finds": list}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	if err := b.Add("personal-data.json", text); err != nil {
		return err
	}
	if c.Right == Access {
		explained, err := s.explain(ctx, p, c, list)
		if err != nil {
			return err
		}
		if err := b.Add("explanation.txt", []byte(explained)); err != nil {
			return err
		}
	}
	sums, err := json.MarshalIndent(b.Files(), "", "  ")
	if err != nil {
		return err
	}
	if err := b.Add("manifest.json", sums); err != nil {
		return err
	}
	files := b.Files() // the last of them is the manifest, which names the others
	b.Say("files", strconv.Itoa(len(files)-1))
	b.Say("manifest", files[len(files)-1].SHA256)
	return nil
}

// packRecording adds what of one recording is the person's.
func (s *Service) packRecording(ctx context.Context, p *place.Place, b *parcel.Box, it Item, portable bool, one *packed) error {
	rec, err := id.Parse[id.Recording](it.Ref)
	if err != nil {
		return err
	}
	o, err := s.o.Recordings.Open(ctx, p, b.Who, rec, recording.Ask{What: "export"})
	if fault.Is(err, fault.Gone) || fault.Is(err, fault.NotFound) {
		one.Sound = "it was destroyed meanwhile"
		return nil
	}
	if err != nil {
		return err
	}
	defer o.Close()
	d, err := s.o.Recordings.Get(ctx, p, b.Who, rec, recording.Everything)
	if err != nil {
		return err
	}
	dir := "recordings/" + rec.String() + "/"
	call, err := json.MarshalIndent(d.Card.Call, "", "  ")
	if err == nil {
		err = b.Add(dir+"call.json", call)
	}
	if err != nil {
		return err
	}
	side := sideOf(it.Role, d.Direction)
	if err := s.packSound(ctx, b, o, dir, side, one); err != nil {
		return err
	}
	return packText(ctx, b, o, dir, it, side, portable, one)
}

// The sides of a call: left is the party that called.
const (
	calling = 0
	called  = 1
	noSide  = -1
)

// sideOf is the channel in which a person is heard.
func sideOf(role string, d recording.Direction) int {
	switch {
	case role == "calling":
		return calling
	case role == "called":
		return called
	case role == "agent" && d == recording.Inbound:
		return called
	case role == "agent" && d == recording.Outbound:
		return calling
	}
	return noSide
}

// packSound writes the sound of one side. Where both parties are in one channel,
// or it is not known which side is theirs, no sound is handed over: it would be
// the other's as well (GDPR article 15(4)).
func (s *Service) packSound(ctx context.Context, b *parcel.Box, o *recording.Opening, dir string, side int, one *packed) error {
	only := map[string]int{string(sound.Caller): calling, string(sound.Agent): called}
	mono, alone := only[o.Layout]
	switch {
	case side == noSide:
		one.Sound = "none: the person is spoken of, or it is not known which side of the call is theirs"
		return nil
	case alone && mono != side:
		one.Sound = "none: only the other party was recorded"
		return nil
	case !alone && o.Layout != string(sound.Sides):
		one.Sound = "none: both parties were recorded in one channel, which cannot be told apart; the transcript is handed over instead"
		return nil
	}
	pcm, err := o.PCM(ctx)
	if err != nil {
		return err
	}
	if !alone {
		pcm = &muted{PCM: pcm, keep: side}
	}
	wav := sound.NewWAV(pcm)
	defer wav.Close()
	w, err := b.File(dir + "sound.wav")
	if err != nil {
		return err
	}
	one.Sound = dir + "sound.wav"
	_, err = io.Copy(w, io.NewSectionReader(wav, 0, wav.Size()))
	return err
}

// muted is sound of which one channel is heard, and the others are silent.
type muted struct {
	sound.PCM
	keep int
}

func (m *muted) ReadFrames(p []int16, at int64) (int, error) {
	n, err := m.PCM.ReadFrames(p, at)
	channels := m.Channels()
	for i := range n * channels {
		if i%channels != m.keep {
			p[i] = 0
		}
	}
	return n, err
}

// packText writes what the person said, or in another's call what was said of them.
func packText(ctx context.Context, b *parcel.Box, o *recording.Opening, dir string, it Item, side int, portable bool, one *packed) error {
	body, err := o.Transcript(ctx)
	if fault.Is(err, fault.NotFound) {
		one.Text = "none: this recording was not transcribed"
		return nil
	}
	if err != nil {
		return err
	}
	var t speech.Transcript
	if err := json.Unmarshal(body, &t); err != nil {
		return err
	}
	told := func(turn speech.Turn) bool { return turn.Channel == side || !t.Speakers }
	if side == noSide && it.Role != "agent" {
		times := strings.Join(it.Why, "\n")
		told = func(turn speech.Turn) bool {
			return strings.Contains(times, fmt.Sprintf("said at %d:%02d", int(turn.Start)/60, int(turn.Start)%60))
		}
	}
	t.Turns = slices.DeleteFunc(t.Turns, func(turn speech.Turn) bool { return !told(turn) })
	t.Sentiment = nil
	name := dir + "transcript.txt"
	var out strings.Builder
	if portable {
		name = dir + "transcript.json"
		text, err := json.MarshalIndent(t, "", "  ")
		if err != nil {
			return err
		}
		out.Write(text)
	} else {
		for _, turn := range t.Turns {
			fmt.Fprintf(&out, "%d:%02d  %s\n", int(turn.Start)/60, int(turn.Start)%60, turn.Text)
		}
		if !t.Speakers {
			out.WriteString("\n(Both parties were recorded in one channel: whose words these are cannot be told apart.)\n")
		}
	}
	one.Text = name
	return b.Add(name, []byte(out.String()))
}
