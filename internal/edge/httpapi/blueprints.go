package httpapi

import (
	"context"
	"time"

	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/blueprint"
)

// Blueprint is what applying a file would change, or has changed.
type Blueprint struct {
	CustomerID string          `json:"customer_id" doc:"Empty: the customer is to be made"`
	Changes    bool            `json:"changes" doc:"Whether applying would change, or has changed, anything"`
	Lines      []BlueprintLine `json:"lines"`
	State      BlueprintState  `json:"state"`
}

// BlueprintLine is one difference.
type BlueprintLine struct {
	Path   string `json:"path" example:"retention.days"`
	Before string `json:"before"`
	After  string `json:"after"`
	Kept   bool   `json:"kept" doc:"The customer's administrators decide on this by now: it stays as it is"`
}

// BlueprintState is how far the last blueprint of a customer has come.
type BlueprintState struct {
	State     string     `json:"state" enum:",applying,done,failed"`
	Note      string     `json:"note"`
	AppliedAt *time.Time `json:"applied_at"`
}

// NodeBlueprint is where a node's blueprint stands, and a sample to begin with.
type NodeBlueprint struct {
	State  BlueprintState `json:"state"`
	Sample string         `json:"sample"`
}

type blueprintInput struct {
	NodePath
	Body struct {
		YAML string `json:"yaml" minLength:"1" maxLength:"524288"`
	}
}

func (s *Server) blueprintRoutes() {
	const base = "/api/v1/nodes/{node}/blueprint"
	add(s, route{gate: onNode(access.BlueprintApply), method: get, path: base, id: "getBlueprint", summary: "How far the last blueprint has come, and a sample"}, s.getBlueprint)
	add(s, route{gate: onNode(access.BlueprintApply), method: post, path: base + "/preview", id: "previewBlueprint", summary: "What a blueprint would change; nothing is done", limit: 1 << 20}, s.previewBlueprint)
	add(s, route{gate: onNode(access.BlueprintApply), method: post, path: base, id: "applyBlueprint", summary: "Make a customer be as a blueprint says; twice is once", limit: 1 << 20}, s.applyBlueprint)
}

func (s *Server) getBlueprint(ctx context.Context, v *visit, _ *NodePath) (*body[NodeBlueprint], error) {
	st, err := s.deps.Blueprints.State(ctx, v.node.ID)
	return answer(NodeBlueprint{showBlueprintState(st), blueprint.Sample()}), err
}

func (s *Server) previewBlueprint(ctx context.Context, v *visit, in *blueprintInput) (*body[Blueprint], error) {
	p, err := s.deps.Blueprints.Preview(ctx, v.node, []byte(in.Body.YAML))
	if err != nil {
		return nil, err
	}
	return answer(showBlueprint(p)), nil
}

func (s *Server) applyBlueprint(ctx context.Context, v *visit, in *blueprintInput) (*body[Blueprint], error) {
	p, err := s.deps.Blueprints.Apply(ctx, v.who, v.node, []byte(in.Body.YAML))
	if err != nil {
		return nil, err
	}
	return answer(showBlueprint(p)), nil
}

func showBlueprint(p blueprint.Plan) Blueprint {
	out := Blueprint{Changes: p.Changes(), Lines: []BlueprintLine{}, State: showBlueprintState(p.State)}
	if !p.Node.ID.IsZero() {
		out.CustomerID = p.Node.ID.String()
	}
	for _, l := range p.Lines {
		out.Lines = append(out.Lines, BlueprintLine(l))
	}
	return out
}

func showBlueprintState(st blueprint.State) BlueprintState {
	return BlueprintState{st.State, st.Note, when(st.AppliedAt)}
}
