# A name server for one name: answers A questions about it, NXDOMAIN for the rest. usage: name_server.py NAME ADDRESS
import socket
import sys

name, address = sys.argv[1], socket.inet_aton(sys.argv[2])
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
while True:
    question, asker = server.recvfrom(512)
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += 1 + question[at]
    kind = question[at + 1 : at + 3]
    known = ".".join(labels).lower() == name
    body = question[12 : at + 5]
    answers = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + address if known and kind == b"\x00\x01" else b""
    flags = b"\x81\x80" if known else b"\x81\x83"
    count = b"\x00\x01" if answers else b"\x00\x00"
    server.sendto(question[:2] + flags + b"\x00\x01" + count + b"\x00\x00\x00\x00" + body + answers, asker)
