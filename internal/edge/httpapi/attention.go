package httpapi

import (
	"context"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

type AttentionPath struct {
	CustomerPath
	File string `path:"file"`
}

type attentionInput struct {
	CustomerPath
	Cursor string `query:"cursor" maxLength:"200" doc:"Opaque: next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// AttentionPage is one page of files that could not be archived.
type AttentionPage struct {
	Items      []Attention `json:"items"`
	NextCursor string      `json:"next_cursor" doc:"Empty on the last page"`
	Total      int64       `json:"total" doc:"Files on all pages"`
}

func (s *Server) attentionRoutes() {
	const base = "/api/v1/customers/{customer}/attention"
	add(s, route{gate: inCustomer(access.AttentionRead), method: get, path: base, id: "listAttention", summary: "Files that could not be archived, and what to do, the latest first, one page"}, s.listAttention)
	add(s, route{gate: inCustomer(access.SourceManage), method: post, path: base + "/{file}/retry", id: "retryFile", summary: "Try a file again", status: 204}, s.retryFile)
}

func (s *Server) listAttention(ctx context.Context, v *visit, in *attentionInput) (*linked[AttentionPage], error) {
	page, err := s.deps.Recordings.ListAttention(ctx, v.place, recording.PageAsk{Cursor: in.Cursor, Limit: in.Limit})
	out := &linked[AttentionPage]{Link: nextLink(v, page.Next), Body: AttentionPage{Items: []Attention{}, NextCursor: page.Next, Total: page.Total}}
	for _, a := range page.Items {
		out.Body.Items = append(out.Body.Items, Attention{
			ID: a.File.String(), SourceID: a.Source.String(), File: capture.Shown(a.Path), Reason: a.Reason, WhatToDo: a.Todo, Since: a.Since, Size: a.Size,
		})
	}
	return out, err
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
