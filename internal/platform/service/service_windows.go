package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"

	"ringfence/internal/base/disk"
)

// windowsServices is the service manager of Windows. The service runs as the
// virtual account that Windows keeps for it alone (NT SERVICE\RingfenceCollector),
// which nobody can log in as and which has no password.
type windowsServices struct{}

// Native is the manager of this system. A root of its own is for tests.
func Native(root string) Manager {
	if root != "" {
		return Systemd{Root: root}
	}
	return windowsServices{}
}

func arguments(w Wanted) []string { return []string{"collect", "service", "--state", w.State} }

func (windowsServices) Plan(w Wanted) ([]Step, error) {
	steps := []Step{
		{Run: append([]string{"create service", disk.ServiceName, w.Program}, arguments(w)...), Why: "a service with an account of its own, started with the machine and again after a failure"},
		{Run: []string{"event log", disk.ServiceName}, Why: "what it has to say stands in the application log"},
	}
	for _, d := range append(append([]string{}, w.Reads...), w.Writes...) {
		steps = append(steps, Step{Run: []string{"icacls", d, "/grant", `NT SERVICE\` + disk.ServiceName + `:(OI)(CI)R`}, Why: "its account reads the recordings"})
	}
	return append(steps, Step{Run: []string{"start service", disk.ServiceName}, Why: "it starts now"}), nil
}

func (m windowsServices) Install(ctx context.Context, w Wanted) error {
	c, err := mgr.Connect()
	if err != nil {
		return fmt.Errorf("the service manager does not answer (run this as an administrator): %w", err)
	}
	defer c.Disconnect()
	s, err := m.made(c, w)
	if err != nil {
		return err
	}
	defer s.Close()
	again := []mgr.RecoveryAction{{Type: mgr.ServiceRestart, Delay: 5 * time.Second}, {Type: mgr.ServiceRestart, Delay: time.Minute}}
	if err := errors.Join(s.SetRecoveryActions(again, 86400), s.SetRecoveryActionsOnNonCrashFailures(true)); err != nil {
		return err
	}
	if err := eventlog.InstallAsEventCreate(disk.ServiceName, eventlog.Error|eventlog.Warning|eventlog.Info); err != nil && !strings.Contains(err.Error(), "exists") {
		return err
	}
	if err := disk.Protect(w.State, disk.ServiceName); err != nil {
		return fmt.Errorf("%s cannot be closed to others: %w", w.State, err)
	}
	for _, d := range w.Reads {
		if err := letIn(d, windows.GENERIC_READ|windows.GENERIC_EXECUTE); err != nil {
			return err
		}
	}
	for _, d := range w.Writes {
		if err := letIn(d, windows.GENERIC_READ|windows.GENERIC_EXECUTE|windows.GENERIC_WRITE|windows.DELETE); err != nil {
			return err
		}
	}
	if err := m.Stop(ctx); err != nil {
		return err
	}
	if w.Ready != nil {
		if err := w.Ready(conf().ServiceStartName); err != nil {
			return err
		}
	}
	return s.Start()
}

func conf() mgr.Config {
	return mgr.Config{
		DisplayName: "Ringfence collector", StartType: mgr.StartAutomatic, DelayedAutoStart: true,
		ServiceStartName: `NT SERVICE\` + disk.ServiceName, SidType: windows.SERVICE_SID_TYPE_UNRESTRICTED,
	}
}

// made creates the service, or sets the one that is there.
func (windowsServices) made(c *mgr.Mgr, w Wanted) (*mgr.Service, error) {
	conf := conf()
	conf.Description = "Brings recordings to " + w.Hosts + ", encrypted before they travel."
	s, err := c.CreateService(disk.ServiceName, w.Program, conf, arguments(w)...)
	if !errors.Is(err, windows.ERROR_SERVICE_EXISTS) {
		return s, err
	}
	if s, err = c.OpenService(disk.ServiceName); err != nil {
		return nil, err
	}
	had, err := s.Config()
	if err == nil {
		conf.ServiceType, conf.ErrorControl = had.ServiceType, had.ErrorControl
		conf.BinaryPathName = commandLine(append([]string{w.Program}, arguments(w)...))
		err = s.UpdateConfig(conf)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func commandLine(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = windows.EscapeArg(w)
	}
	return strings.Join(out, " ")
}

// letIn adds the service's account to a folder's access list.
func letIn(dir string, what windows.ACCESS_MASK) error {
	sd, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	had, _, err := sd.DACL()
	if err != nil {
		return err
	}
	sid, err := windows.StringToSid(disk.ServiceSID(disk.ServiceName))
	if err != nil {
		return err
	}
	list, err := windows.ACLFromEntries([]windows.EXPLICIT_ACCESS{{
		AccessPermissions: what, AccessMode: windows.GRANT_ACCESS, Inheritance: windows.SUB_CONTAINERS_AND_OBJECTS_INHERIT,
		Trustee: windows.TRUSTEE{TrusteeForm: windows.TRUSTEE_IS_SID, TrusteeType: windows.TRUSTEE_IS_UNKNOWN, TrusteeValue: windows.TrusteeValueFromSID(sid)},
	}}, had)
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}

func opened() (*mgr.Mgr, *mgr.Service, error) {
	c, err := mgr.Connect()
	if err != nil {
		return nil, nil, fmt.Errorf("the service manager does not answer (run this as an administrator): %w", err)
	}
	s, err := c.OpenService(disk.ServiceName)
	if err != nil {
		c.Disconnect()
		return nil, nil, err
	}
	return c, s, nil
}

func (windowsServices) Stop(ctx context.Context) error {
	c, s, err := opened()
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Disconnect()
	defer s.Close()
	if _, err := s.Control(svc.Stop); err != nil && !errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
		return err
	}
	for range 120 {
		st, err := s.Query()
		if err != nil || st.State == svc.Stopped {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	return errors.New("the service does not stop")
}

func (m windowsServices) Remove(ctx context.Context) error {
	if err := m.Stop(ctx); err != nil {
		return err
	}
	c, s, err := opened()
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Disconnect()
	defer s.Close()
	_ = eventlog.Remove(disk.ServiceName) // old messages lose their text, nothing else
	return s.Delete()
}

func (windowsServices) State(context.Context) (State, error) {
	c, s, err := opened()
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return State{Text: "not installed"}, nil
	}
	if err != nil {
		return State{}, err
	}
	defer c.Disconnect()
	defer s.Close()
	st, err := s.Query()
	words := map[svc.State]string{svc.Stopped: "stopped", svc.StartPending: "starting", svc.StopPending: "stopping", svc.Running: "running"}
	return State{Installed: true, Running: st.State == svc.Running, Text: words[st.State]}, err
}

// Run runs a program as the service if the service manager has started it, and
// as it is otherwise.
func Run(ctx context.Context, run func(context.Context, *slog.Logger) error, log *slog.Logger) error {
	managed, err := svc.IsWindowsService()
	if err != nil || !managed {
		return run(ctx, log)
	}
	events, err := eventlog.Open(disk.ServiceName)
	if err != nil {
		return err
	}
	defer events.Close()
	log = slog.New(Diary(events, 1))
	h := &handler{run: func(ctx context.Context) error { return run(ctx, log) }}
	if err := svc.Run(disk.ServiceName, h); err != nil {
		return err
	}
	if h.code != 0 {
		return errors.New("the service ended by itself; the application log says why")
	}
	return nil
}

type handler struct {
	run  func(context.Context) error
	code uint32
}

// Execute implements svc.Handler by converting, both ways, for Attend.
func (h *handler) Execute(_ []string, r <-chan svc.ChangeRequest, s chan<- svc.Status) (bool, uint32) {
	asks := make(chan Ask)
	over := make(chan struct{})
	defer close(over)
	go func() {
		for c := range r {
			select {
			case asks <- Ask(c.Cmd):
			case <-over:
				return
			}
		}
	}()
	tell := func(w Word) {
		st := svc.Status{State: svc.State(w.Phase), CheckPoint: w.Point, WaitHint: uint32(w.Patience.Milliseconds())}
		if w.Accepts {
			st.Accepts = svc.AcceptStop | svc.AcceptShutdown | svc.AcceptPreShutdown
		}
		s <- st
	}
	h.code = Attend(h.run, asks, tell, time.After)
	return false, h.code
}
