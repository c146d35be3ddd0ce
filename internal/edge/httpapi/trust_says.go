package httpapi

import (
	"context"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/privacy"
)

// trustFilter narrows a list by what rules and holds say.
func (s *Server) trustFilter(v *visit, in *recordingFilter, f *recording.Filter) error {
	if !in.DueBefore.IsZero() {
		f.Also = append(f.Also, s.deps.Privacy.DueBefore(in.DueBefore.UTC()))
	}
	if in.Tag != "" {
		tag, err := id.Parse[id.Tag](in.Tag)
		if err != nil {
			return fault.Field("query.tag", "there is no such label")
		}
		f.Also = append(f.Also, recording.Tagged(tag))
	}
	switch {
	case in.Hold != "":
		hold, err := id.Parse[id.Hold](in.Hold)
		if err != nil || !v.may(access.HoldRead) {
			return fault.Field("query.hold", "there is no such hold")
		}
		f.Also = append(f.Also, privacy.IsHeld(hold))
	case in.Held:
		f.Also = append(f.Also, privacy.IsHeld(id.Hold{}))
	}
	return nil
}

// sayTrust says of recordings when they go and why, whether they are held, and
// what they are labelled with.
func (s *Server) sayTrust(ctx context.Context, v *visit, all []recording.Recording, at func(int) *Recording) error {
	if s.deps.Privacy == nil || len(all) == 0 {
		return nil
	}
	ns := make([]int64, len(all))
	for i, r := range all {
		ns[i] = r.N
	}
	says, err := s.deps.Privacy.Describe(ctx, v.place, ns)
	if err != nil {
		return err
	}
	for i, r := range all {
		out, info := at(i), says[r.N]
		out.DueAt, out.Held, out.Marks, out.Tags = info.Verdict.TextAt, len(info.Holds) > 0, []string{}, []string{}
		if info.Verdict.SoundAt != nil && out.State != string(recording.SoundRemoved) && info.Verdict.SoundAt != info.Verdict.TextAt {
			out.SoundDueAt = info.Verdict.SoundAt
		}
		out.DueReason = info.Verdict.Reason()
		for _, m := range info.Labels.Marks {
			out.Marks = append(out.Marks, string(m))
		}
		for _, t := range info.Labels.Tags {
			out.Tags = append(out.Tags, t.String())
		}
	}
	return nil
}
