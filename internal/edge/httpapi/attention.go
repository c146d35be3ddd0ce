package httpapi

import (
	"context"

	"ringfence/internal/archive/capture"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

type AttentionPath struct {
	CustomerPath
	File string `path:"file"`
}

func (s *Server) attentionRoutes() {
	const base = "/api/v1/customers/{customer}/attention"
	add(s, route{gate: inCustomer(access.AttentionRead), method: get, path: base, id: "listAttention", summary: "Files that could not be archived, and what to do"}, s.listAttention)
	add(s, route{gate: inCustomer(access.SourceManage), method: post, path: base + "/{file}/retry", id: "retryFile", summary: "Try a file again", status: 204}, s.retryFile)
}

func (s *Server) listAttention(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Attention]], error) {
	list, err := s.deps.Recordings.Attention(ctx, v.place)
	var out []Attention
	for _, a := range list {
		out = append(out, Attention{
			ID: a.File.String(), SourceID: a.Source.String(), File: capture.Shown(a.Path), Reason: a.Reason, WhatToDo: a.Todo, Since: a.Since, Size: a.Size,
		})
	}
	return listed(out), err
}

func (s *Server) retryFile(ctx context.Context, v *visit, in *AttentionPath) (*none, error) {
	f, err := id.Parse[id.File](in.File)
	if err != nil {
		return nil, errNothing
	}
	if err := s.deps.Recordings.Retry(ctx, v.place, v.who, f); err != nil {
		return nil, err
	}
	if s.deps.SourceChanged != nil {
		s.deps.SourceChanged(v.place.Customer())
	}
	return nil, nil
}
