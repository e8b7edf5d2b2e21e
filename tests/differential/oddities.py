"""Words that cases are made of: plain ones, and odd ones."""

# Of the plain ones: an addr-spec, a domain that is far away.
PEOPLE = [b"bob@b.example", b"carol@c.example", b"dave@d.example",
          b"eve@e.example", b"frank@f.example"]

ODD_ADDRESSES = [
    b"carol", b"root", b"bob@", b"@b.example", b"bob@@b.example",
    b"Bob Ross <bob@b.example>", b'"Ross, Bob" <bob@b.example>',
    b"bob@b.example (a comment)", b"(first) bob@b.example",
    b"bob@b.example (with (another) in it)", b"(only a comment)",
    b"bob@b.example (unbalanced", b"bob@b.example)", b"<bob@b.example",
    b"bob@b.example>", b"<<bob@b.example>>", b"<>", b"",
    b"friends: bob@b.example, carol@c.example;", b"undisclosed:;",
    b"undisclosed-recipients:;", b"friends: bob@b.example",
    b"@relay.example:bob@b.example", b"<@relay.example:bob@b.example>",
    b"<@r1.example,@r2.example:bob@b.example>", b"bob%b.example@c.example",
    b"b.example!bob", b"bob%b.example", b'"bob ross"@b.example',
    b'"bob@home"@b.example', b'"bob"@b.example', b'"b\\"ob"@b.example',
    b'"bob, carol"@b.example', b'"bob\\\\"@b.example', b'"bob@b.example"',
    b'"unended@b.example', b"bob.@b.example", b".bob@b.example",
    b"b..ob@b.example", b"bob@b.example.", b"bob@b", b"bob@[192.0.2.1]",
    b"bob@[IPv6:2001:db8::1]", b"bob@localhost", b"root@a.example",
    b"BOB@B.EXAMPLE", b"bob+tag@b.example", b"bob@b_c.example",
    b"bob@-b.example", b"bob@b..example", b"bob @ b.example",
    b"bob @b.example", b"bob@ b.example", b"bob ross@b.example",
    b"bob@b.example carol@c.example", b"bob;carol",
    b"bob@b.example;carol@c.example", b"bob@b.example,,carol@c.example",
    b",bob@b.example", b"bob@b.example,", b"bob@b.example, ,",
    b"bob@b.example\tcarol@c.example", b"j\xc3\xb6rg@b.example",
    b"bob@b\xc3\xbccher.example", b"bob@xn--bcher-kva.example",
    b"j\xf6rg@b.example", b"bob\x01@b.example", b"bob\x7f@b.example",
    b"bob\x1b[31m@b.example", b"bob@b.example\r", b"bo\rb@b.example",
    b"bob@b.example\reve@e.example", b"bob@b.example,\reve@e.example",
    b"|cat", b"/dev/null", b"/tmp/file", b":include:/etc/passwd",
    b"\\root", b"'bob'@b.example", b"bob'o@b.example", b"b*b@b.example",
    b"bob=ross@b.example", b"bob/ross@b.example", b"bob$@b.example",
    b"bob`id`@b.example", b"a" * 65 + b"@b.example",
    b"bob@" + b"b." * 130 + b"example", b"-bob@b.example", b"bob@b.example "
    b"(comment) , carol@c.example", b"Bob (the) Ross <bob@b.example> (x)",
    b"Bob.Ross <bob@b.example>", b"=?utf-8?q?B=C3=B6b?= <bob@b.example>",
    b"B\xc3\xb6b <bob@b.example>", b"Bob\\, Ross <bob@b.example>",
    b"<bob@b.example> <carol@c.example>", b"Bob <bob@b.example> junk",
    b"bob@b.example <carol@c.example>",
    b"MAILER-DAEMON", b"postmaster", b"Bob: Ross <bob@b.example>",
]

ODD_OPTIONS = [
    [b"-oi"], [b"-i"], [b"-oem"], [b"-oee"], [b"-oep"], [b"-oeq"], [b"-em"],
    [b"-ee"], [b"-odi"], [b"-odq"], [b"-odb"], [b"-odd"], [b"-om"], [b"-m"],
    [b"-n"], [b"-v"], [b"-ov"], [b"-U"], [b"-G"], [b"-s"], [b"-T"], [b"-c"],
    [b"-x"], [b"-Am"], [b"-Ac"], [b"-oo"], [b"-B8BITMIME"], [b"-B", b"7BIT"],
    [b"-B", b"BINARYMIME"], [b"-h", b"3"], [b"-h", b"99"], [b"-h", b"x"],
    [b"-L", b"tag"], [b"-p", b"local:host"], [b"-O", b"ErrorMode=q"],
    [b"-O", b"DeliveryMode=q"], [b"-OErrorMode=m"], [b"-O", b"Nothing=1"],
    [b"-oQ/tmp/elsewhere"], [b"-OQueueDirectory=/tmp/elsewhere"],
    [b"-X", b"/tmp/traffic"], [b"-X/tmp/traffic"], [b"-C", b"/tmp/absent"],
    [b"-C/tmp/absent"], [b"-D", b"/tmp/debug"], [b"-D/tmp/debug"], [b"-d"],
    [b"-d0.1"], [b"-d99.100"], [b"-dANSI"], [b"-MX"], [b"-Mrvalue"],
    [b"-Q"], [b"-Qreason"], [b"-Z"], [b"-K"], [b"-u"], [b"-3"], [b"-k"],
    [b"-N", b"never"], [b"-N", b"success,failure,delay"], [b"-Nsuccess"],
    [b"-N", b"FAILURE,Delay"], [b"-N", b"never,success"], [b"-N", b"often"],
    [b"-N", b""], [b"-N", b"success,"], [b"-R", b"full"], [b"-R", b"HDRS"],
    [b"-R", b"half"], [b"-R", b"full", b"-R", b"hdrs"], [b"-V", b"id1"],
    [b"-V", b"a+20b"], [b"-V", b"a b"], [b"-V", b"a=b"], [b"-V", b"x" * 120],
    [b"-Vid1"], [b"-V", b"a+b"], [b"-N", b"never", b"-N", b"delay"],
    [b"-V", b"id1", b"-V", b"id2"], [b"-F", b"Full Name"], [b"-FCronDaemon"],
    [b"-F", b""], [b"-F", b"Name \"quoted\""], [b"-F", b"N\xc3\xa4me"],
    [b"-F", b"Na\nme"], [b"-F", b"One", b"-F", b"Two"],
    [b"-F", b"a@b.example"],
    [b"-F", b"Name (comment)"], [b"-F", b"Name\r\nBcc: eve@e.example"],
    [b"-F", b"Dr. Name, Jr."], [b"-bm"], [b"-ba"], [b"-bm", b"-bm"],
    [b"-E"], [b"-J"], [b"-bx"], [b"-b"],
]

# Options that do something else than to take a message.
MODES = [
    [b"-bv", b"bob@b.example"], [b"-bv", b"root"], [b"-bv"],
    [b"-bv", b"bob@b.example", b"carol"], [b"-bp"], [b"-bP"], [b"-bi"],
    [b"-bh"], [b"-bH"], [b"-bt"], [b"-bz"], [b"-bl"], [b"-bv", b"bob@@b"],
    [b"-q"], [b"-qf"], [b"-qRb.example"], [b"-qSa.example"], [b"-q!Rx"],
    [b"-qIabc"], [b"-bp", b"-v"], [b"-I"], [b"-bC"], [b"-qGnone"],
]

# Words at the end of the options, which lack what follows.
TRUNCATED = [[b"-f"], [b"-r"], [b"-F"], [b"-N"], [b"-R"], [b"-V"], [b"-O"],
             [b"-o"], [b"-B"], [b"-h"], [b"-X"], [b"-C"], [b"-L"], [b"-p"],
             [b"-M"], [b"-D"], [b"-e"], [b"-A"], [b"-tf"], [b"-iF"]]

OTHER_NAMES = [b"Reply-To", b"Sender", b"Resent-To", b"Resent-Cc",
               b"Resent-Bcc", b"Resent-From", b"Resent-Sender", b"Errors-To",
               b"Return-Receipt-To", b"Disposition-Notification-To",
               b"Apparently-To", b"Return-Path", b"X-Other", b"References",
               b"Mail-Followup-To", b"Delivered-To"]

ODD_FIELDS = [
    b"Bcc: eve@e.example", b"BCC: eve@e.example, frank@f.example", b"bcc:",
    b"Bcc : eve@e.example", b"Bcc:\n eve@e.example",
    b"Bcc: Eve <eve@e.example>"
    b"\nBcc: frank@f.example", b"Bcc: eve@e.example,\n\tfrank@f.example",
    b"Bcc", b"Bcc eve@e.example", b" Bcc: eve@e.example",
    b"Bcc\t: eve@e.example", b"Bcc\n : eve@e.example",
    b"Resent-Bcc: eve@e.example", b"Resent-To: eve@e.example\n"
    b"Resent-From: frank@f.example", b"Resent-To: eve@e.example\n"
    b"Resent-Bcc: frank@f.example", b"Resent-To: eve@e.example\n"
    b"Resent-From: f@f.example\nResent-To: second@f.example\n"
    b"Resent-From: g@g.example", b"Resent-Cc: eve", b"Resent-From: frank",
    b"Resent-Date: Tue, 24 Nov 2026 08:27:29 +0100",
    b"Received: from x by y; Tue, 24 Nov 2026 08:27:29 +0100\n"
    b"Resent-To: eve@e.example", b"To: eve@e.example", b"Cc: eve@e.example",
    b"Cc:", b"To:", b"From:", b"Subject:", b"Date:", b"Message-ID:",
    b"Cc: eve@e.example\nCc: frank@f.example", b"From: second@f.example",
    b"Sender: frank", b"Sender: frank@f.example", b"Reply-To: frank",
    b"Errors-To: frank@f.example", b"Return-Path: <frank@f.example>",
    b"Return-Receipt-To: frank", b"Apparently-To: eve@e.example",
    b"Content-Length: 99", b"Lines: 3", b"Status: RO", b"Priority: urgent",
    b"Precedence: bulk", b"Full-Name: Someone Else", b"Posted-Date: today",
    b"Mail-From: frank", b"Via: frank", b"X-Authentication-Warning: none",
    b"Subject: folded\n continued", b"Subject: folded\n\tcontinued",
    b"X-Folded:\n value", b"X-Folded: value\n \n more", b"X-Empty-Fold:\n ",
    b"X-Long: " + b"x" * 997, b"X-Long: " + b"word " * 300,
    b"X-Longer: " + b"y" * 5000, b"Cc: " + b", ".join(
        b"user%d@e.example" % n for n in range(90)), b"X" * 200 + b": long",
    b"no colon at all", b"no-colon", b"two words: value", b": no name",
    b"X-8bit: gr\xc3\xbc\xc3\x9fe", b"X-Latin: gr\xfc\xdfe",
    b"Subject: gr\xc3\xbc\xc3\x9fe", b"N\xc3\xa4me: value",
    b"X-CR: one\rtwo", b"X-CR: one\rBcc: eve@e.example",
    b"X-CR: one\r\rBcc: eve@e.example", b"X-CR: one\r\r",
    b"To: bob@b.example\rCc: eve@e.example", b"X-CR: one\r two",
    b"\rBcc: eve@e.example", b"X-CR\r: one", b"\r", b"X-NUL: one\0two",
    b"X-NUL\0: one", b"Bcc: eve@e.example\0frank@f.example",
    b"To: eve@e.example\0", b"\0", b"X-VT: one\x0btwo", b"X-FF: one\x0ctwo",
    b"X-Esc: \x1b[31mred", b"X-Del: \x7f", b"X-NEL: one\xc2\x85two",
    b"X-Space : value", b"X-NoSpace:value", b"X-Tab:\tvalue",
    b"X-Trailing: value   ", b">From somebody Tue Nov 24 08:27:29 2026",
    b"From somebody Tue Nov 24 08:27:29 2026", b"x-lower: value",
    b"X_Under: value", b"X.Dot: value", b"X/Slash: value", b"(X): value",
    b'"X": value', b"X-A: 1\nX-A: 2", b"Date: not a date",
    b"Message-ID: no brackets", b"Message-ID: <a@b>\nMessage-ID: <c@d>",
    b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
    b"Content-Transfer-Encoding: 8bit", b".", b"..", b".X: dot", b"-", b"@",
    b"Resent-Message-ID: <r@r.example>", b"Comments: x\nComments: y",
    b"Delivered-To: frank@f.example", b"X-Original-To: frank@f.example",
    b"Old-Return-Path: frank", b"Newsgroups: misc.test",
]

ODD_BODIES = [
    b"", b"\n", b"no end of line", b".", b".\n", b"one\n.\ntwo\n", b"..\n",
    b".one\n", b"..two\n", b"...three\n", b"one\n..\ntwo\n", b"one\n.",
    b"one\n.\r\ntwo\n", b"one\r\n.\r\ntwo\r\n", b"one\r\n..two\r\n",
    b"one\r.\rtwo\n", b"one\n.\rtwo\n", b"one\r.\ntwo\n", b"one\r\n.\rtwo\n",
    b"one\r.\r\ntwo\n", b"one\rtwo\n", b"one\r\rtwo\n", b"one\r\r\ntwo\n",
    b"one\r", b"one\r\ntwo\nthree\r\n", b"one\n\rtwo\n", b"\r", b"\r\n",
    b"one\0two\n", b"\0", b"\0\n", b"one\n\0", b"x" * 998 + b"\n",
    b"x" * 999 + b"\n", b"x" * 2050 + b"\n", b"y" * 9000, b"word " * 400
    + b"\n", b"From somebody Tue Nov 24\n", b"one\nFrom two\n", b"\n\n\n",
    b"one\n\n", b"gr\xc3\xbc\xc3\x9fe\n", b"gr\xfc\xdfe\n", b"\xff\xfe\n",
    b"one\x1atwo\n", b"one\x0ctwo\n", b"\x04\n", b"trailing  \n\t\n",
    b"one\n.\r", b"one\n. \ntwo\n", b"one\n .\ntwo\n", b"Bcc: not a field\n",
    b"To: eve@e.example\n\nmore\n",
]

BEGINNINGS = [b"\n", b"\r\n", b"\n\n",
              b"From alice Tue Nov 24 08:27:29 2026\n",
              b">From alice Tue Nov 24 08:27:29 2026\n", b"\xef\xbb\xbf",
              b" leading: blank\n", b"\tleading: tab\n", b"From \n", b"\r",
              b"\0", b"hello\n", b" \n", b"From: \n", b"From alice\r\n"]
