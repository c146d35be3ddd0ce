package httpapi

import "context"

type signInInput struct {
	Body struct {
		Email    string `json:"email" minLength:"3" maxLength:"254"`
		Password string `json:"password" minLength:"1" maxLength:"256"`
	}
}

// SignInStep says what comes next.
type SignInStep struct {
	Next     string `json:"next" enum:"code,done"`
	MailedTo string `json:"mailed_to" doc:"Where the code went, shortened; empty when done"`
}

type signInOutput struct {
	SetCookie []string `header:"Set-Cookie"`
	Body      SignInStep
}

type codeInput struct {
	Body struct {
		Code string `json:"code" minLength:"8" maxLength:"16" doc:"The eight digits of the mail; blanks and dashes do not matter"`
	}
}

type signOutOutput struct {
	SetCookie []string `header:"Set-Cookie"`
}

type welcomeInput struct {
	Body struct {
		Token    string `json:"token" minLength:"10" maxLength:"200"`
		Password string `json:"password" minLength:"1" maxLength:"256"`
	}
}

func (s *Server) signInRoutes() {
	add(s, route{gate: anyone(), method: post, path: "/api/v1/sign-in", id: "signIn", summary: "Name and password; answers with the next step"}, s.signIn)
	add(s, route{gate: anyone(), method: post, path: "/api/v1/sign-in/code", id: "signInCode", summary: "The code that was mailed, from the same browser"}, s.signInCode)
	add(s, route{gate: signedIn(), method: post, path: "/api/v1/sign-out", id: "signOut", summary: "End this session", status: 204}, s.signOut)
	add(s, route{gate: anyone(), method: post, path: "/api/v1/welcome", id: "welcome", summary: "Set the first password with the link of an invitation", status: 204}, s.welcome)
}

func (s *Server) signIn(ctx context.Context, v *visit, in *signInInput) (*signInOutput, error) {
	return nil, errNoVisit
}

func (s *Server) signInCode(ctx context.Context, v *visit, in *codeInput) (*signInOutput, error) {
	return nil, errNoVisit
}

func (s *Server) signOut(ctx context.Context, v *visit, in *none) (*signOutOutput, error) {
	return nil, errNoVisit
}

func (s *Server) welcome(ctx context.Context, v *visit, in *welcomeInput) (*none, error) {
	return nil, errNoVisit
}
