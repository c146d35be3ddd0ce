package server

import (
	"context"

	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/phonesystem"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// buildSystems builds what asks telephone systems for their recordings. A runner of their own: a system that answers slowly keeps no other
// work waiting.
func (s *Server) buildSystems(out *egress.Client) {
	s.systems = phonesystem.NewService(phonesystem.Options{
		Store: s.Places, Recordings: s.Recordings, Egress: out, Log: s.log,
		Drop: func(ctx context.Context, p *place.Place, source id.Source) (phonesystem.Drop, error) {
			d, err := s.drops.Drop(ctx, p, source)
			return dropOf{d}, err
		},
	})
	s.asking = job.NewRunner(s.Places, map[string]job.Kind{phonesystem.Job: s.systems.Kind()}, job.Options{Parallel: 8, Log: s.log})
}

// dropOf is a drop as those see it who only put files into it.
type dropOf struct{ *intake.Drop }

// Create begins a file.
func (d dropOf) Create(name string) (phonesystem.File, error) { return d.Drop.Create(name) }
