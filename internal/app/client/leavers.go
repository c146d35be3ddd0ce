package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/remote"
	"ringfence/internal/base/fault"
	"ringfence/internal/edge/httpapi"
)

const leaversUsage = `
ringfence leavers takes the people of a CSV file (a column email) out of a
customer, all of them or nobody, and reports what they could reach. With
--dry-run it only says so. It asks a running server, as a machine whose token has
the act leaver.remove (--token-file), or as a person (--session-file).

Usage: ringfence leavers FILE --customer org_… [flags]`

// Leavers is the operation removeLeavers, with a file in and a table out.
func Leavers(ctx context.Context, args []string, p cli.Process) error {
	file := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		file, args = args[0], args[1:]
	}
	text, err := httpapi.DescriptionJSON()
	if err != nil {
		return err
	}
	api, err := remote.Read(text)
	if err != nil {
		return err
	}
	op, ok := api.Find("removeLeavers")
	if !ok {
		return errors.New("the description of the API names no removeLeavers")
	}
	f := cli.Flags("leavers", leaversUsage, p)
	given := api.Flags(op, f)
	c := addTarget(f, p)
	asJSON := f.Bool("json", false, "print the report as JSON instead of a table")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if file == "" {
		return cli.Misuse(errors.New("name the file of leavers; -h explains"))
	}
	list, err := readFile(file, p.Stdin)
	if err != nil {
		return err
	}
	if err := f.Set("csv", string(list)); err != nil {
		return err
	}
	if missing := given.Missing(); len(missing) > 0 {
		return cli.Misuse(fmt.Errorf("%s is missing; -h explains", strings.Join(missing, ", ")))
	}
	client, err := c.client(p)
	if err != nil {
		return err
	}
	defer client.Close()
	var out bytes.Buffer
	if err := client.Call(ctx, given, nil, &out); err != nil {
		return err
	}
	if *asJSON {
		_, err := out.WriteTo(p.Stdout)
		return err
	}
	var r httpapi.LeaversReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the server's answer cannot be read")
	}
	return printLeavers(p.Stdout, r)
}

func readFile(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, 1<<20))
	}
	b, err := os.ReadFile(name)
	return b, fault.Wrap(err, fault.Invalid, "%s cannot be read", name)
}

func printLeavers(w io.Writer, r httpapi.LeaversReport) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "WHO\tROLES\tEXTENSIONS\tRECORDINGS\tTOKENS\tLAST USED\tOUT SINCE")
	for _, l := range r.Items {
		recordings, used, out := "?", "never", "–"
		if l.Recordings != nil {
			recordings = fmt.Sprint(*l.Recordings)
		}
		if l.LastUsedAt != nil {
			used = l.LastUsedAt.Format("2006-01-02")
		}
		if l.LeftAt != nil {
			out = l.LeftAt.Format("2006-01-02 15:04:05")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", l.Email, strings.Join(l.Roles, " "), strings.Join(l.Extensions, " "), recordings, l.Tokens, used, out)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	word := "would be out; nothing was done"
	if r.Done {
		word = fmt.Sprintf("out, in %.1f seconds", float64(r.TookMS)/1000)
	}
	_, err := fmt.Fprintf(w, "\n%d %s\n", len(r.Items), word)
	return err
}
